"""Boards: device, clock, serial line and lamps, with the pins of amaranth-boards."""

from dataclasses import dataclass

from amaranth_boards.ulx3s import ULX3S_25F_Platform, ULX3S_85F_Platform

from hw.fpga import devices
from sw.errors import PopbeatError


@dataclass(frozen=True)
class Board:
    """``platform`` of amaranth-boards; ``clock`` (name of its resource and MHz); ``alive``, ``abnormal``: numbers of the LEDs."""

    name: str
    device: devices.Device
    platform: type
    clock: str
    clock_mhz: int
    alive: int = 0
    abnormal: int = 1

    def pins(self) -> dict[str, tuple[str, dict[str, str]]]:
        """Pin and attributes of every port of the board's top."""
        found = {}
        for resource in self.platform.resources:
            if (resource.name, resource.number) == (self.clock, 0):
                found["clock"] = resource.ios[0], resource.attrs
            if (resource.name, resource.number) == ("uart", 0):
                for part in resource.ios:
                    if part.name in ("rx", "tx"):
                        found[part.name] = part.ios[0], resource.attrs
            for name, number in (("alive", self.alive), ("abnormal", self.abnormal)):
                if (resource.name, resource.number) == ("led", number):
                    found[name] = resource.ios[0], resource.attrs
        return {name: (pins.names[0], dict(attributes)) for name, (pins, attributes) in found.items()}

    def constraints(self) -> str:
        """The LPF file: what is in ``constraints/``."""
        lines = [f"# {self.name}: pins of amaranth-boards"]
        for name, (site, attributes) in sorted(self.pins().items()):
            lines.append(f'LOCATE COMP "{name}" SITE "{site}";')
            lines.append(f'IOBUF PORT "{name}" ' + " ".join(f"{k}={v}" for k, v in attributes.items()) + ";")
        lines.append(f'FREQUENCY PORT "clock" {self.clock_mhz} MHZ;')
        return "\n".join(lines) + "\n"


BOARDS = {
    board.name: board
    for board in (
        Board("ulx3s-85f", devices.get("ecp5-85k"), ULX3S_85F_Platform, "clk25", 25),
        Board("ulx3s-25f", devices.get("ecp5-25k"), ULX3S_25F_Platform, "clk25", 25),
    )
}


def get(name: str) -> Board:
    """The board called ``name``."""
    if name not in BOARDS:
        raise PopbeatError(f"unknown board {name!r}; there are {', '.join(BOARDS)}")
    return BOARDS[name]
