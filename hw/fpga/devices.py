"""FPGAs that the open tools place and route."""

from dataclasses import dataclass

from sw.errors import PopbeatError


@dataclass(frozen=True)
class Device:
    """``name``; ``family`` (``ecp5``, ``ice40``); nextpnr's ``flags`` for part, package and speed grade; ``capacity`` by nextpnr's
    names of cells."""

    name: str
    part: str
    family: str
    flags: tuple[str, ...]


DEVICES = {
    device.name: device
    for device in (
        Device("ecp5-25k", "LFE5U-25F-6CABGA381", "ecp5", ("--25k", "--package", "CABGA381", "--speed", "6")),
        Device("ecp5-25k-mg285", "LFE5U-25F-8MG285", "ecp5", ("--25k", "--package", "CSFBGA285", "--speed", "8")),
        Device("ecp5-85k", "LFE5U-85F-6CABGA381", "ecp5", ("--85k", "--package", "CABGA381", "--speed", "6")),
        Device("ice40-up5k", "iCE40UP5K-SG48", "ice40", ("--up5k", "--package", "sg48")),
    )
}


def get(name: str) -> Device:
    """The device called ``name``."""
    if name not in DEVICES:
        raise PopbeatError(f"unknown device {name!r}; there are {', '.join(DEVICES)}")
    return DEVICES[name]
