"""FPGAs that the open tools place and route."""

from dataclasses import dataclass

from sw.errors import PopbeatError

BLOCK_RAM_BITS = {"ecp5": 18 << 10, "ice40": 4 << 10, "gowin": 18 << 10}


@dataclass(frozen=True)
class Device:
    """``name``; ``family`` (``ecp5``, ``ice40``, ``gowin``); nextpnr's ``flags`` for part, package and speed grade; how many
    ``block_rams`` it has, of :data:`BLOCK_RAM_BITS` each. Of Gowin also: ``synthesis``, yosys' arguments for the chip; ``chip``,
    its database for the bitstream; ``free_pins``, which the ports of a design without constraints get in their order."""

    name: str
    part: str
    family: str
    flags: tuple[str, ...]
    block_rams: int
    synthesis: str = ""
    chip: str = ""
    free_pins: tuple[str, ...] = ()


def _gowin(name: str, part: str, synthesis: str, chip: str, block_rams: int, free_pins: str) -> Device:
    flags = "--device", part, "--vopt", f"family={chip}"
    return Device(name, part, "gowin", flags, block_rams, f"-family {synthesis}", chip, tuple(free_pins.split()))


DEVICES = {
    device.name: device
    for device in (
        Device("ecp5-25k", "LFE5U-25F-6CABGA381", "ecp5", ("--25k", "--package", "CABGA381", "--speed", "6"), 56),
        Device("ecp5-25k-mg285", "LFE5U-25F-8MG285", "ecp5", ("--25k", "--package", "CSFBGA285", "--speed", "8"), 56),
        Device("ecp5-85k", "LFE5U-85F-6CABGA381", "ecp5", ("--85k", "--package", "CABGA381", "--speed", "6"), 208),
        Device("ice40-up5k", "iCE40UP5K-SG48", "ice40", ("--up5k", "--package", "sg48"), 30),
        _gowin("gw2ar-18", "GW2AR-LV18QN88C8/I7", "gw2a", "GW2A-18C", 46, "4 15 16 17 18 19 20 27 28 29 30 31"),
        _gowin("gw1nr-9", "GW1NR-LV9QN88PC6/I5", "gw1n", "GW1N-9C", 26, "52 10 11 13 14 15 16 17 18 25 26 27"),
    )
}


def get(name: str) -> Device:
    """The device called ``name``."""
    if name not in DEVICES:
        raise PopbeatError(f"unknown device {name!r}; there are {', '.join(DEVICES)}")
    return DEVICES[name]
