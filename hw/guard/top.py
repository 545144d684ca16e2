"""A classifier with a guard round it: the same ports, the same packets, one window at a time."""

from dataclasses import dataclass, replace

from amaranth.hdl import Module, ResetInserter
from amaranth.lib import wiring

from hw.binary.datapath import DatapathParams
from hw.binary.folding import Config
from hw.binary.top import Cycles, Top
from hw.guard.guard import BEGIN, SEND, Guard, GuardParams
from hw.stream import axis
from hw.tiny.params import TinyConfig, TinyParams

SUFFIX = "_guarded"
SPARE = 64  # cycles that a classifier may be late


@dataclass(frozen=True)
class GuardedConfig:
    """The configuration ``inner`` with a guard."""

    inner: Config | TinyConfig

    @property
    def name(self) -> str:
        """Its name: the classifier's with :data:`SUFFIX`."""
        return self.inner.name + SUFFIX

    @property
    def samples(self) -> int:
        """Samples of an input beat."""
        return self.inner.samples

    @property
    def blocks(self) -> tuple:
        """The classifier's foldings."""
        return self.inner.blocks


class GuardedParams:
    """A classifier's parameters ``inner`` and its exact ``cycles``, under a guarded configuration ``config``."""

    def __init__(self, inner: DatapathParams | TinyParams, cycles: Cycles):
        self.inner, self.inner_cycles = inner, cycles
        self.bundle, self.head, self.blocks = inner.bundle, inner.head, inner.blocks
        self.config = GuardedConfig(inner.config)

    @property
    def guard(self) -> GuardParams:
        """Parameters of the guard."""
        network, samples = self.bundle.network, self.config.samples
        window = (network.words + network.window) // samples
        whole = self.inner_cycles.live_latency + self.head.send_cycles
        return GuardParams(16 * samples, window, self.head.beats, whole + SPARE)

    @property
    def cycles(self) -> Cycles:
        """Exact: a result leaves once the whole of it is there, and the next window comes once it has left."""
        inner, guard = self.inner_cycles, self.guard
        whole = self.head.send_cycles + SEND  # the classifier's header to the guard's
        live = inner.live_latency + whole
        interval = guard.window - 1 + live + SEND * (guard.beats - 1) + BEGIN
        return replace(inner, interval=interval, latency=inner.latency + whole, live_latency=live)


class GuardedTop(wiring.Component):
    """A whole classifier (``classifier``, of :class:`hw.binary.top.Top`) behind a guard.

    Ports: those of the classifier. ``s_axis_tready`` is low from a window's last beat until its result has left;
    ``s_axis_tready`` and ``m_axis_tvalid`` are two levels of logic behind registers. Packets are the classifier's; where it failed,
    a header alone with label 255, bits 24 (*no call*) and 25 (fault) set. Bit 26 (damaged): a constant with parity that was read
    for the result has changed.

    Cycles: ``params.cycles``.
    """

    def __init__(self, params: GuardedParams, classifier: Top):
        self.params, self.classifier = params, classifier
        super().__init__(axis.sink_ports("s_axis", params.guard.bits) | axis.source_ports("m_axis", 32))

    def elaborate(self, platform):
        m = Module()
        m.submodules.guard = guard = Guard(self.params.guard)
        top = self.classifier
        m.submodules.classifier = ResetInserter(guard.clear)(top)
        m.d.comb += axis.into_stream(self, "s_axis", guard.i) + axis.out_of_stream(top, "s_axis", guard.feed)
        m.d.comb += axis.into_stream(top, "m_axis", guard.told) + axis.out_of_stream(self, "m_axis", guard.o)
        m.d.comb += guard.damaged.eq(top.damaged)
        return m
