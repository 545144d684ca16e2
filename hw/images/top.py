"""The image networks' beat classifier for raw recordings: samples of one lead in, labelled beats out. No annotation is used."""

from dataclasses import asdict
from pathlib import Path

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from hw import verilog
from hw.beats.cutter import Cutter
from hw.beats.front import BeatFront, Times
from hw.mac import design as mac_design
from hw.mac.loader import Byte
from hw.mac.params import ArrayParams
from hw.mac.top import MacTop, cycles, network_in, ports, told
from hw.qrs import detector
from hw.stream import axis, positions, result, skid
from hw.stream.result import Beat
from sw import files
from sw.data.mitbih import RATE
from sw.errors import PopbeatError
from sw.export.array.bundle import IMAGE, GraphBundle
from sw.export.array.program import FRONTS, LOGIT_BITS, image
from sw.export.front.normaliser import NormaliserSpec
from sw.qrs.detector import PARAMS
from sw.qrs.params import POSITION_BITS, QrsParams

NAME = "record"  # of the configuration, as of the binary networks'
# Cycles after an image's last byte until the array has taken it over or refused it, where no beat is under way: two bytes wait in
# front of the loader, which takes one every other cycle, looks at the checksum, and restarts the front.
SETTLE = 16
# Cycles without a byte after which a load is taken for given up: more than a byte of a serial line takes, and far less than a beat
# of the heart.
QUIET = 1 << 16


def check(packed: GraphBundle) -> None:
    """Raise unless a network can stand behind the detector in this top."""
    if not isinstance(packed, GraphBundle) or packed.front != IMAGE:
        raise PopbeatError(
            f"{packed.model} takes no images of beats, and behind the QRS detector the array gets nothing else; take gasf5"
        )


def parameters(packed: GraphBundle, config: str = "full") -> ArrayParams:
    """The array for a bundle as it stands behind the detector; ``config``: its name, ``full`` for the largest."""
    check(packed)
    return mac_design.config(config, packed)


class Gate(wiring.Component):
    """Lets a network's image through to the array while no beat is under way there, and no beat while an image goes through.

    Ports:
      - ``c_axis`` in, ``array`` out: streams of an image's bytes, ``last`` with the last one;
      - ``idle``: no beat is between the cutter and the end of its result; ``loaded``: the array has a network;
      - ``open``: a beat may begin.

    So a network can be exchanged in mid-recording: beats wait meanwhile, none is lost or told by half a network. Where a load
    stops for ``quiet`` cycles (:data:`SETTLE` or more) and the array still has its network, beats go on; further bytes then wait
    as the first one did.
    """

    def __init__(self, quiet: int = QUIET):
        self.quiet = quiet
        super().__init__(
            {
                "c_axis": In(stream.Signature(Byte)),
                "array": Out(stream.Signature(Byte)),
                "idle": In(1),
                "loaded": In(1),
                "open": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        since = Signal(range(self.quiet))  # the last byte, in cycles
        byte = self.c_axis.payload
        moves = Signal()
        m.d.comb += moves.eq(self.array.valid & self.array.ready)
        m.d.sync += since.eq(Mux(moves, 0, since + 1))
        m.d.comb += self.array.payload.eq(byte)
        with m.FSM():
            with m.State("BEATS"):
                m.d.comb += self.open.eq(self.loaded & ~self.c_axis.valid)
                m.d.sync += since.eq(0)
                with m.If(self.c_axis.valid & self.idle):
                    m.next = "LOAD"
            with m.State("LOAD"):
                m.d.comb += [self.array.valid.eq(self.c_axis.valid), self.c_axis.ready.eq(self.array.ready)]
                with m.If(moves & byte.last):
                    m.next = "SETTLE"
                with m.Elif(~moves & self.loaded & (since == self.quiet - 1)):
                    m.next = "BEATS"
            with m.State("SETTLE"), m.If(since == SETTLE - 1):
                m.next = "BEATS"
        return m


class ImageTop(wiring.Component):
    """Detector, cutter and the multi-bit array with AXI4-Stream ports (a register on each side).

    Ports, beside ``clk`` and ``rst`` (synchronous, active high):
      - ``s_axis_*``: raw samples at 360 Hz, without end; TDATA's lower 12 bits are the sample in two's complement. There
        is no TLAST;
      - ``c_axis_*``: networks to load, those of :class:`hw.mac.top.MacTop` that take images of beats; another one is refused
        with the status of a wrong front end. ``status``, ``loaded``, ``waiting``, ``busy``, ``image``, ``overrun`` as there;
      - ``m_axis_*``: for each beat of the heart a packet of 32-bit beats: those of :class:`hw.mac.top.MacTop` (header with running
        number, class and *no call*; a signed logit a class), then with TLAST the number of the R peak's sample modulo 2^16, the
        first after reset being 0.

    Beats wait in the cutter's ring while the array works or a network is loaded; where five wait, or one that waits would lose
    samples, ``s_axis_tready`` falls and nothing is lost. A network that is loaded in mid-recording tells the beats from then on,
    whose running numbers begin anew; positions go on. Reset begins a new recording, and the network has to be loaded again.
    """

    def __init__(self, params: ArrayParams, spec: NormaliserSpec, qrs: QrsParams = PARAMS):
        self.params, self.spec, self.qrs = params, spec, qrs
        super().__init__(ports(last=False))

    def elaborate(self, platform):
        m = Module()
        m.submodules.source = source = positions.raw_samples(self.qrs.raw_bits)
        m.submodules.front = front = BeatFront(self.qrs, Cutter)
        m.submodules.image = skidded = skid.SkidBuffer(Byte)
        m.submodules.gate = gate = Gate()
        m.submodules.classifier = classifier = MacTop(self.params, self.spec, (FRONTS["GASF image"],))
        m.submodules.positions = queue = SyncFIFOBuffered(width=POSITION_BITS, depth=positions.UNDER_WAY)
        m.submodules.sink = sink = skid.SkidBuffer(Beat)
        wiring.connect(m, skidded.o, gate.c_axis)
        m.d.comb += [
            *positions.samples_in(self, source, front, self.qrs.raw_bits),
            queue.w_en.eq(front.position.valid & gate.open),
            queue.w_data.eq(front.position.payload),
            front.position.ready.eq(queue.w_rdy & gate.open),
            *positions.beats_in(classifier, front),
            *network_in(self, skidded),
            classifier.c_axis_tvalid.eq(gate.array.valid),
            classifier.c_axis_tdata.eq(gate.array.payload.data),
            classifier.c_axis_tlast.eq(gate.array.payload.last),
            gate.array.ready.eq(classifier.c_axis_tready),
            gate.idle.eq(queue.level == 0),
            gate.loaded.eq(classifier.loaded),
            *told(self, classifier, classifier.image),
        ]
        positions.results_out(m, classifier, queue, sink)
        m.d.comb += axis.results_out(self, sink)
        return m


def times(interval: int, qrs: QrsParams = PARAMS) -> Times:
    """Cycles of the top, ``interval`` being those of the network from beat to beat. At the lowest clock it keeps up with beats that
    follow each other as fast as the detector finds them."""
    return Times(detector.INTERVAL, interval, None, -(-RATE * interval // qrs.hold))


def stem(packed: GraphBundle, params: ArrayParams) -> str:
    """What the files of a network for this top are called, without their ending."""
    return f"{packed.model}_{params.name}_{NAME}"


def generate(
    packed: GraphBundle, params: ArrayParams, qrs: QrsParams = PARAMS, folder: Path | None = None, name: str = ""
) -> tuple[Path, str]:
    """Write into ``folder`` (default ``build/<model>/verilog``) the top's Verilog, the same for every network, and beside it the
    network's image and, as JSON, ports and formats; returns the Verilog file and the top's ``name`` (default
    ``popbeat_<array>_record``)."""
    check(packed)
    compiled, spec = mac_design.compile_bundle(packed, params), mac_design.normaliser(packed)
    top = ImageTop(params, spec, qrs)
    name = name or verilog.module(params.name, NAME)
    what = f"multi-bit array of {params.lanes} lanes behind the QRS detector"
    command = "make verilog MODEL=gasf5 CONFIG=record"
    text = verilog.header(what, command) + verilog.convert(top, name)
    folder = folder or files.BUILD / packed.model / "verilog"
    path = files.write_bytes(folder / f"{name}.v", text.encode())
    data, own = image(compiled.program), stem(packed, params)
    files.write_bytes(folder / f"{own}.image", data)
    description = mac_design.describe(packed, params, top, name, text, f"{own}.image", data) | {
        "input": {"raw_bits": qrs.raw_bits, "rate_hz": RATE},
        "output": {
            "beats": len(packed.classes) + 2,
            "header": result.header(loaded=True),
            "logit_bits": LOGIT_BITS,
            "last": "number of the R peak's sample, modulo 2^16",
        },
        "cycles": asdict(times(cycles(params, spec, compiled.program).interval, qrs)),
    }
    files.write_json(folder / f"{own}.json", description)
    return path, name
