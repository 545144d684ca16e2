"""Boards: device, clock, serial line and lamps, with the pins of amaranth-boards, or of a table here for what it does not have."""

from collections.abc import Callable
from dataclasses import dataclass, field

from amaranth_boards.icebreaker import ICEBreakerPlatform
from amaranth_boards.orangecrab_r0_2 import OrangeCrabR0_2_25FPlatform
from amaranth_boards.tang_nano_9k import TangNano9kPlatform
from amaranth_boards.ulx3s import ULX3S_25F_Platform, ULX3S_85F_Platform
from amaranth_boards.upduino_v3 import UpduinoV3Platform

from hw.board.tang_nano_20k import TangNano20kPlatform
from hw.fpga import devices
from sw.errors import PopbeatError


@dataclass(frozen=True)
class Board:
    """``platform`` as amaranth-boards has them; ``clock`` (name of its resource and MHz); ``alive``, ``abnormal``: numbers of the
    LEDs, lit by a low level where ``lamps_low``; ``loader``: openFPGALoader's name of the board; ``places``: resource and part, or
    connector and pin, of a port that is elsewhere; ``source`` of the pins."""

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
    source: str = "amaranth-boards"

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
        return FORMATS[self.device.family].suffix

    def constraints(self) -> str:
        """The LPF, PCF or CST file: what is in ``constraints/``."""
        made = FORMATS[self.device.family]
        lines = [f"{made.comment} {self.name}: pins of {self.source}"]
        for name, (site, attributes) in sorted(self.pins().items()):
            lines += made.port(name, site, attributes)
        return "\n".join(lines + made.clock(self.clock_mhz)) + "\n"


@dataclass(frozen=True)
class Format:
    """A family's file of constraints: its ``suffix``, the sign of a ``comment``, the lines of a ``port`` (name, pin, attributes)
    and of the ``clock`` (MHz)."""

    suffix: str
    comment: str
    port: Callable[[str, str, dict[str, str]], list[str]]
    clock: Callable[[int], list[str]] = lambda mhz: []


def _attributes(attributes: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in attributes.items())


FORMATS = {
    "ecp5": Format(
        ".lpf",
        "#",
        lambda name, site, held: [f'LOCATE COMP "{name}" SITE "{site}";', f'IOBUF PORT "{name}" {_attributes(held)};'],
        lambda mhz: [f'FREQUENCY PORT "clock" {mhz} MHZ;'],
    ),
    "ice40": Format(".pcf", "#", lambda name, site, held: [f"set_io {'-pullup yes ' if held.get('PULLUP') else ''}{name} {site}"]),
    "gowin": Format(".cst", "//", lambda name, site, held: [f'IO_LOC "{name}" {site};', f'IO_PORT "{name}" {_attributes(held)};']),
}


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
        Board(
            "tangnano20k",
            devices.get("gw2ar-18"),
            TangNano20kPlatform,
            "clk27",
            27,
            lamps_low=True,
            loader="tangnano20k",
            source="litex-boards",
        ),
        Board("tangnano9k", devices.get("gw1nr-9"), TangNano9kPlatform, "clk27", 27, lamps_low=True, loader="tangnano9k"),
    )
}


def get(name: str) -> Board:
    """The board called ``name``."""
    if name not in BOARDS:
        raise PopbeatError(f"unknown board {name!r}; there are {', '.join(BOARDS)}")
    return BOARDS[name]
