"""The registers of a classifier on a processor's bus, and the AXI4-Lite subordinate that they are read and written through."""

from dataclasses import dataclass, field

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.stream.result import IMAGE_BITS, Beat

PREFIX = "s_axil"
ADDRESS_BITS = 12  # 4 KiB, the least that an interconnect gives a subordinate
OKAY, SLVERR = 0, 2
MAGIC = 0x504F5042  # "POPB"

Control = data.StructLayout({"restart": 1, "interrupt": 1})
Status = data.StructLayout({"level": 16, "last": 1, "packet": 1})
Array = data.StructLayout(
    {"status": 3, "loaded": 1, "waiting": 1, "busy": 1, "overrun": 1, "present": 1, "image": IMAGE_BITS},
)


@dataclass(frozen=True)
class Register:
    """A register of 32 bits: its ``name``, byte ``address``, whether it can be written, what it is, and what the fields of its
    ``layout`` mean. Bits that no field names read as 0."""

    name: str
    address: int
    text: str
    writable: bool = False
    layout: data.StructLayout | None = None
    fields: dict[str, str] = field(default_factory=dict)

    def places(self) -> dict[str, list[int]]:
        """Highest and lowest bit of each field."""
        return {name: [f.offset + f.width - 1, f.offset] for name, f in self.layout} if self.layout else {}


MAP = (
    Register("ID", 0x00, f"`0x{MAGIC:08x}`, the letters POPB"),
    Register("VERSION", 0x04, "popbeat's version: bits 23-16 major, 15-8 minor, 7-0 patch"),
    Register("BUNDLE", 0x08, "the first 32 bits of the SHA-256 of the bundle whose weights are in it; of an array 0"),
    Register(
        "CONTROL",
        0x0C,
        "after reset 0",
        True,
        Control,
        {
            "restart": "written as 1: the classifier is reset, and what waits in RESULT is dropped; reads as 0",
            "interrupt": "1: `irq` is high while STATUS.packet is",
        },
    ),
    Register(
        "STATUS",
        0x10,
        "what waits in RESULT",
        False,
        Status,
        {
            "level": "words that wait",
            "last": "the next word ends its packet",
            "packet": "a whole packet, or the rest of one, waits",
        },
    ),
    Register("RESULT", 0x14, "the next word of the results; reading takes it. An error where none waits"),
    Register("WINDOWS", 0x18, "packets that have come whole since the last reset or restart, modulo 2^32"),
    Register(
        "ARRAY",
        0x1C,
        "of a classifier whose networks are loaded, its ports of these names; of others 0",
        False,
        Array,
        {
            "status": "what became of the last load",
            "loaded": "there is a network",
            "waiting": "a network waits to be taken over",
            "busy": "a window is at work, or its result has not left for the queue",
            "overrun": "the program is faulty",
            "present": "this classifier's networks are loaded",
            "image": "number of the network that is at work",
        },
    ),
)
ADDRESS = {register.name: register.address for register in MAP}


def table() -> str:
    """The map in Markdown, as docs/axilite.md has it."""
    lines = ["| address | register | access | bits | |", "|---|---|---|---|---|"]
    for one in MAP:
        access = "read, write" if one.writable else "read"
        lines.append(f"| `0x{one.address:02x}` | `{one.name}` | {access} | 31-0 | {one.text} |")
        for name, (high, low) in one.places().items():
            bits = f"{high}-{low}" if high > low else f"{low}"
            lines.append(f"| | `{one.name}.{name}` | | {bits} | {one.fields[name]} |")
    return "\n".join(lines) + "\n"


def bus() -> dict:
    """Members of a signature for the AXI4-Lite bus of a subordinate: 32 bits of data, byte addresses of ``ADDRESS_BITS``."""
    channels = {
        "aw": {"addr": In(ADDRESS_BITS), "prot": In(3)},
        "w": {"data": In(32), "strb": In(4)},
        "b": {"resp": Out(2)},
        "ar": {"addr": In(ADDRESS_BITS), "prot": In(3)},
        "r": {"data": Out(32), "resp": Out(2)},
    }
    ports = {}
    for channel, payload in channels.items():
        along, against = (Out, In) if channel in ("b", "r") else (In, Out)
        ports |= {f"{PREFIX}_{channel}{name}": member for name, member in payload.items()}
        ports |= {f"{PREFIX}_{channel}valid": along(1), f"{PREFIX}_{channel}ready": against(1)}
    return ports


class Registers(wiring.Component):
    """The AXI4-Lite subordinate with the registers of :data:`MAP`.

    Ports:
      - ``s_axil_*``: the bus. Every output is a register and stays until it is taken. A write's address and data may come in any
        order. One write and one read are under way at most; a write is answered two cycles after both of its halves were taken, a
        read two cycles after its address was. The lowest two address bits and AxPROT are ignored;
      - ``status``, ``windows``, ``array``: what the registers of these names show;
      - ``results``: the stream of words that RESULT takes from;
      - ``restart``: high for the cycle in which a write of CONTROL.restart is answered; ``interrupt``: CONTROL.interrupt.

    Answered with SLVERR, and without effect: addresses without a register, writes to a register that can only be read, RESULT
    where no word waits. CONTROL takes only bytes whose WSTRB is set. ``version`` and ``bundle`` are constants.
    """

    def __init__(self, version: int, bundle: int):
        self.version, self.bundle = version, bundle
        super().__init__(
            bus()
            | {
                "status": In(Status),
                "windows": In(32),
                "array": In(Array),
                "results": In(stream.Signature(Beat)),
                "restart": Out(1),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._read(m)
        self._write(m)
        return m

    def _read(self, m: Module) -> None:
        """AR and R: an address is taken, looked up in the next cycle, and its answer offered until it is taken."""
        taken, address = Signal(name="read_taken"), Signal(ADDRESS_BITS - 2, name="read_address", reset_less=True)
        shown = {
            "ID": MAGIC,
            "VERSION": self.version,
            "BUNDLE": self.bundle,
            "CONTROL": self.interrupt << Control["interrupt"].offset,
            "STATUS": self.status.as_value(),
            "RESULT": self.results.payload.word,
            "WINDOWS": self.windows,
            "ARRAY": self.array.as_value(),
        }
        m.d.comb += self.s_axil_arready.eq(~taken)
        with m.If(~taken):
            m.d.sync += [taken.eq(self.s_axil_arvalid), address.eq(self.s_axil_araddr[2:])]
        with m.Elif(~self.s_axil_rvalid):
            m.d.sync += [self.s_axil_rvalid.eq(1), self.s_axil_rresp.eq(OKAY)]
            with m.Switch(address):
                for register in MAP:
                    with m.Case(register.address >> 2):
                        m.d.sync += self.s_axil_rdata.eq(shown[register.name])
                        if register.name == "RESULT":
                            m.d.comb += self.results.ready.eq(1)
                            with m.If(~self.results.valid):
                                m.d.sync += [self.s_axil_rdata.eq(0), self.s_axil_rresp.eq(SLVERR)]
                with m.Default():
                    m.d.sync += [self.s_axil_rdata.eq(0), self.s_axil_rresp.eq(SLVERR)]
        with m.Elif(self.s_axil_rready):
            m.d.sync += [taken.eq(0), self.s_axil_rvalid.eq(0)]

    def _write(self, m: Module) -> None:
        """AW, W and B: address and data are taken as they come, and answered where both are there."""
        addressed, address = Signal(name="write_addressed"), Signal(ADDRESS_BITS - 2, name="write_address", reset_less=True)
        filled, low = Signal(name="write_filled"), Signal(Control, name="write_low", reset_less=True)
        byte = Signal(name="write_byte", reset_less=True)
        m.d.comb += [self.s_axil_awready.eq(~addressed), self.s_axil_wready.eq(~filled)]
        m.d.sync += self.restart.eq(0)
        with m.If(~addressed):
            m.d.sync += [addressed.eq(self.s_axil_awvalid), address.eq(self.s_axil_awaddr[2:])]
        with m.If(~filled):
            m.d.sync += [filled.eq(self.s_axil_wvalid), low.eq(self.s_axil_wdata[: Control.size]), byte.eq(self.s_axil_wstrb[0])]
        with m.If(self.s_axil_bvalid & self.s_axil_bready):
            m.d.sync += [addressed.eq(0), filled.eq(0), self.s_axil_bvalid.eq(0)]
        with m.Elif(addressed & filled & ~self.s_axil_bvalid):
            m.d.sync += [self.s_axil_bvalid.eq(1), self.s_axil_bresp.eq(SLVERR)]
            with m.If(address == ADDRESS["CONTROL"] >> 2):
                m.d.sync += self.s_axil_bresp.eq(OKAY)
                with m.If(byte):
                    m.d.sync += [self.restart.eq(low.restart), self.interrupt.eq(low.interrupt)]
