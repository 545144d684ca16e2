"""FPGAs that the open tools place and route."""

from dataclasses import dataclass

from sw.errors import PopbeatError

BLOCK_RAM_BITS = {"ecp5": 18 << 10, "ice40": 4 << 10}


@dataclass(frozen=True)
class Device:
    """``name``; ``family`` (``ecp5``, ``ice40``); nextpnr's ``flags`` for part, package and speed grade; how many ``block_rams`` it
    has, of :data:`BLOCK_RAM_BITS` each."""

    name: str
    part: str
    family: str
    flags: tuple[str, ...]
    block_rams: int


DEVICES = {
    device.name: device
    for device in (
        Device("ecp5-25k", "LFE5U-25F-6CABGA381", "ecp5", ("--25k", "--package", "CABGA381", "--speed", "6"), 56),
        Device("ecp5-25k-mg285", "LFE5U-25F-8MG285", "ecp5", ("--25k", "--package", "CSFBGA285", "--speed", "8"), 56),
        Device("ecp5-85k", "LFE5U-85F-6CABGA381", "ecp5", ("--85k", "--package", "CABGA381", "--speed", "6"), 208),
        Device("ice40-up5k", "iCE40UP5K-SG48", "ice40", ("--up5k", "--package", "sg48"), 30),
    )
}


def get(name: str) -> Device:
    """The device called ``name``."""
    if name not in DEVICES:
        raise PopbeatError(f"unknown device {name!r}; there are {', '.join(DEVICES)}")
    return DEVICES[name]
