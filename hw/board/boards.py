"""Boards: device, clock, serial line and lamps, with the pins of amaranth-boards."""

from dataclasses import dataclass, field

from amaranth_boards.icebreaker import ICEBreakerPlatform
from amaranth_boards.orangecrab_r0_2 import OrangeCrabR0_2_25FPlatform
from amaranth_boards.ulx3s import ULX3S_25F_Platform, ULX3S_85F_Platform
from amaranth_boards.upduino_v3 import UpduinoV3Platform

from hw.fpga import devices
from sw.errors import PopbeatError


@dataclass(frozen=True)
class Board:
    """``platform`` of amaranth-boards; ``clock`` (name of its resource and MHz); ``alive``, ``abnormal``: numbers of the LEDs,
    lit by a low level where ``lamps_low``; ``loader``: openFPGALoader's name of the board; ``places``: resource and part, or
    connector and pin, of a port that is elsewhere."""

    name: str
    device: devices.Device
    platform: type
    clock: str
    clock_mhz: int
    alive: int = 0
    abnormal: int = 1
    lamps_low: bool = False
    loader: str = "ulx3s"
    places: dict[str, tuple[str, str]] = field(default_factory=dict)

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
            for port, (name, part) in self.places.items():
                if (resource.name, resource.number) == (name, 0):
                    found[port] = next(one for one in resource.ios if one.name == part).ios[0], resource.attrs
        known = {name: (pins.names[0], dict(attributes)) for name, (pins, attributes) in found.items()}
        for port, (name, pin) in self.places.items():
            for connector in self.platform.connectors:
                if (connector.name, connector.number) == (name, 0):
                    known[port] = connector.mapping[pin], {"IO_TYPE": "LVCMOS33"}
        return known

    @property
    def suffix(self) -> str:
        """Of the file in ``constraints/``."""
        return {"ecp5": ".lpf", "ice40": ".pcf"}[self.device.family]

    def constraints(self) -> str:
        """The LPF or PCF file: what is in ``constraints/``."""
        lines = [f"# {self.name}: pins of amaranth-boards"]
        if self.device.family == "ice40":
            for name, (site, attributes) in sorted(self.pins().items()):
                lines.append(f"set_io {'-pullup yes ' if attributes.get('PULLUP') else ''}{name} {site}")
            return "\n".join(lines) + "\n"
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
        # It has no serial line of its own: pins 0 and 1 of its header, as the Feather format has them.
        Board(
            "orangecrab-25f",
            devices.get("ecp5-25k-mg285"),
            OrangeCrabR0_2_25FPlatform,
            "clk",
            48,
            lamps_low=True,
            loader="orangeCrab",
            places={"rx": ("io", "0"), "tx": ("io", "1"), "alive": ("rgb_led", "g"), "abnormal": ("rgb_led", "r")},
        ),
        Board(
            "icebreaker",
            devices.get("ice40-up5k"),
            ICEBreakerPlatform,
            "clk12",
            12,
            alive=1,
            abnormal=0,
            lamps_low=True,
        ),
        # The serial line shares the flash's pins, which is kept out by its select; the oscillator needs the OSC jumper.
        Board(
            "upduino",
            devices.get("ice40-up5k"),
            UpduinoV3Platform,
            "clk12",
            12,
            lamps_low=True,
            places={
                "rx": ("spi_flash_1x", "clk"),
                "tx": ("spi_flash_1x", "copi"),
                "flash_off": ("spi_flash_1x", "cs"),
                "alive": ("rgb_led", "g"),
                "abnormal": ("rgb_led", "r"),
            },
        ),
    )
}


def get(name: str) -> Board:
    """The board called ``name``."""
    if name not in BOARDS:
        raise PopbeatError(f"unknown board {name!r}; there are {', '.join(BOARDS)}")
    return BOARDS[name]
