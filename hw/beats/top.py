"""The beat classifier for raw recordings: samples of one lead in, labelled beats out. No annotation is used."""

from dataclasses import asdict
from pathlib import Path

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFOBuffered

from hw import verilog
from hw.beats import segmenter
from hw.beats.front import BeatFront, Times
from hw.binary import folding
from hw.binary.datapath import DatapathParams
from hw.binary.top import Top, cycles
from hw.package.description import common
from hw.qrs import detector
from hw.stream import axis, positions, result, skid
from hw.stream.result import Beat
from sw import files
from sw.data.beats import WORDS
from sw.data.mitbih import RATE
from sw.errors import PopbeatError
from sw.export.bundle import Bundle
from sw.qrs.detector import PARAMS
from sw.qrs.params import POSITION_BITS, QrsParams

NAME = "record"  # of the configuration


def check(params: DatapathParams) -> None:
    """Raise unless these hardware parameters can stand behind the detector."""
    if params.bundle.network.words != len(WORDS) or params.config.samples != 1:
        raise PopbeatError(
            f"{params.bundle.model} with {params.config.samples} samples a clock can't stand behind the QRS detector: "
            f"configuration {NAME!r} takes a network of beats with {len(WORDS)} words (bnnbeat5) and one sample a clock"
        )


def parameters(packed: Bundle) -> DatapathParams:
    """The classifier of a bundle as it stands behind the detector: full rate."""
    params = DatapathParams(packed, folding.get("full"))
    check(params)
    return params


def times(params: DatapathParams) -> Times:
    """Cycles of the top. At the lowest clock a beat's work lies between two samples, so that none has to wait."""
    # The peak's offer, the packet but for its last states, then the classifier as from a window's last raw sample.
    result = detector.LATENCY + segmenter.WORK - 3 + cycles(params).live_latency
    return Times(detector.INTERVAL, segmenter.WORK, result, RATE * (detector.INTERVAL + segmenter.WORK))


class BeatTop(wiring.Component):
    """Detector, segmenter and classifier of beats with AXI4-Stream ports (a register on each side).

    Ports, beside ``clk`` and ``rst`` (synchronous, active high):
      - ``s_axis_*``: raw samples at 360 Hz, without end; TDATA's lower 12 bits are the sample in two's complement. There
        is no TLAST;
      - ``m_axis_*``: for each beat of the heart a packet of 32-bit beats: those of :class:`hw.binary.top.Top` (header with
        running number, class and *no call*; a signed logit a class), then with TLAST the number of the R peak's sample modulo
        2^16, the first after reset being 0.

    A packet leaves after the next beat was detected, at the latest :func:`~hw.beats.segmenter.longest_wait` samples after its R
    peak, and the classifier's latency. Where samples come faster than that is worked on, ``s_axis_tready`` falls and nothing is
    lost.
    """

    def __init__(self, params: DatapathParams, qrs: QrsParams = PARAMS):
        self.params, self.qrs = params, qrs
        super().__init__(axis.sink_ports("s_axis", 16, last=False) | axis.source_ports("m_axis", 32))

    def elaborate(self, platform):
        m = Module()
        m.submodules.source = source = positions.raw_samples(self.qrs.raw_bits)
        m.submodules.front = front = BeatFront(self.qrs)
        m.submodules.classifier = classifier = Top(self.params)
        m.submodules.positions = queue = SyncFIFOBuffered(width=POSITION_BITS, depth=positions.UNDER_WAY)
        m.submodules.sink = sink = skid.SkidBuffer(Beat)
        m.d.comb += [
            *positions.samples_in(self, source, front, self.qrs.raw_bits),
            queue.w_en.eq(front.position.valid),
            queue.w_data.eq(front.position.payload),
            front.position.ready.eq(queue.w_rdy),
            *positions.beats_in(classifier, front),
        ]
        positions.results_out(m, classifier, queue, sink)
        m.d.comb += axis.results_out(self, sink)
        return m


def generate(params: DatapathParams, qrs: QrsParams = PARAMS, folder: Path | None = None, name: str = "") -> tuple[Path, str]:
    """Write the top's Verilog into ``folder`` (default ``build/<model>/verilog``), the same bytes every time, and its ports and
    formats as JSON beside it; returns the Verilog file and the top's ``name`` (default ``popbeat_<model>_record``)."""
    check(params)
    top = BeatTop(params, qrs)
    name, model = name or verilog.module(params.bundle.model, NAME), params.bundle.model
    what, command = f"{model} behind the QRS detector", f"make verilog MODEL={model} CONFIG={NAME}"
    text = verilog.header(what, command, params.bundle.sha256) + verilog.convert(top, name)
    folder = folder or files.BUILD / params.bundle.model / "verilog"
    path = files.write_bytes(folder / f"{name}.v", text.encode())
    description = common(top, name, text, params.bundle) | {
        "input": {"raw_bits": qrs.raw_bits, "rate_hz": RATE},
        "output": {
            "beats": params.head.beats + 1,
            "header": result.header(loaded=False),
            "logit_bits": params.head.logit_bits,
            "last": "number of the R peak's sample, modulo 2^16",
        },
        "cycles": asdict(times(params)),
    }
    files.write_json(path.with_suffix(".json"), description)
    return path, name
