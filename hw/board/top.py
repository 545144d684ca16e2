"""A board's top: a classifier behind the host link, with a lamp that blinks and one for what is not normal."""

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetInserter, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.board.clock import Ice40Pll, Pll
from hw.link.host import HostLink
from hw.stream.result import NO_CALL, Header

START_CYCLES = 16


def blink_bits(mhz: int) -> int:
    """Bits of a counter whose last one changes about three times a second."""
    return mhz.bit_length() + 19


class BoardTop(wiring.Component):
    """Ports: ``clock``, the board's oscillator; ``rx``, ``tx``, the serial line; ``alive`` blinks; ``abnormal``: the last window's
    class, of a set of labels the one with the largest logit, was not the first one, normal rhythm or beats.

    ``classifier``: a top with AXI4-Stream ports; ``divisor``: cycles a bit; ``pll``: makes its clock (on an FPGA; in simulation the
    classifier runs on ``clock`` itself); ``blink``: bits of the counter behind ``alive``; ``lamps_low``: a low level lights the
    lamps; ``flash``: there is a port ``flash_off``, which deselects a flash that shares the line's pins.
    """

    def __init__(
        self,
        classifier: wiring.Component,
        divisor: int,
        pll: Pll | Ice40Pll | None = None,
        blink: int = 26,
        lamps_low: bool = False,
        flash: bool = False,
    ):
        self.classifier, self.divisor, self.pll, self.blink, self.lamps_low = classifier, divisor, pll, blink, lamps_low
        ports = {"clock": In(1), "rx": In(1, init=1), "tx": Out(1, init=1), "alive": Out(1), "abnormal": Out(1)}
        super().__init__(ports | ({"flash_off": Out(1, init=1)} if flash else {}))

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()
        locked = Signal(init=1)
        if platform is not None and self.pll is not None:
            fast = Signal()
            m.submodules.pll = self.pll.instance(self.clock, fast, locked)
            m.d.comb += ClockSignal().eq(fast)
        else:
            m.d.comb += ClockSignal().eq(self.clock)
        # Reset for a few cycles once the clock is steady. These registers start by their initial values.
        m.domains.start = start = ClockDomain(reset_less=True)
        m.d.comb += start.clk.eq(ClockSignal())
        waited = Signal(range(START_CYCLES))
        ready = Signal()
        with m.If(~locked):
            m.d.start += [waited.eq(0), ready.eq(0)]
        with m.Elif(~ready):
            m.d.start += [waited.eq(waited + 1), ready.eq(waited == START_CYCLES - 1)]
        m.d.comb += ResetSignal().eq(~ready)

        m.submodules.link = link = HostLink(self.divisor)
        m.submodules.classifier = ResetInserter(link.restart)(self.classifier)
        top = self.classifier
        held = ~link.restart
        m.d.comb += [
            link.rx.eq(self.rx),
            self.tx.eq(link.tx),
            top.s_axis_tdata.eq(link.samples.payload),
            top.s_axis_tvalid.eq(link.samples.valid & held),
            link.samples.ready.eq(top.s_axis_tready & held),
            link.results.payload.word.eq(top.m_axis_tdata),
            link.results.payload.last.eq(top.m_axis_tlast),
            link.results.valid.eq(top.m_axis_tvalid & held),
            top.m_axis_tready.eq(link.results.ready & held),
        ]
        if hasattr(top, "c_axis_tdata"):
            m.d.comb += [
                top.c_axis_tdata.eq(link.image.payload.byte),
                top.c_axis_tlast.eq(link.image.payload.last),
                top.c_axis_tvalid.eq(link.image.valid & held),
                link.image.ready.eq(top.c_axis_tready & held),
                link.status.eq(top.status),
            ]
        else:
            m.d.comb += link.image.ready.eq(1)

        # The first word of a packet names the class.
        first = Signal(init=1)
        header = Header(link.results.payload.word)
        abnormal = Signal()
        with m.If(link.results.valid & link.results.ready):
            m.d.sync += first.eq(link.results.payload.last)
            with m.If(first):
                m.d.sync += abnormal.eq((header.label != 0) & (header.label != NO_CALL))
        counter = Signal(self.blink)
        m.d.sync += counter.eq(counter + 1)
        m.d.comb += [self.alive.eq(counter[-1] ^ self.lamps_low), self.abnormal.eq(abnormal ^ self.lamps_low)]
        return m
