"""A classifier's top whose results are read through registers, and its Verilog."""

import re
from dataclasses import asdict, dataclass
from pathlib import Path

from amaranth.hdl import Module, ResetInserter
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from hw import configurations, verilog
from hw.axilite import registers
from hw.axilite.queue import ResultQueue
from hw.axilite.registers import Registers
from hw.beats import top as beat_top
from hw.fpga import measure
from hw.guard.top import GuardedTop
from hw.images import top as image_top
from hw.mac import design as mac_design
from hw.mac.top import MacTop, cycles
from hw.package.description import common
from hw.stream import result
from sw import files
from sw.data.mitbih import RATE
from sw.errors import PopbeatError
from sw.export.array.bundle import GraphBundle
from sw.export.array.program import image
from sw.export.bundles import Bundle

NAME = "axilite"
DEPTH = 64  # words of results that wait at most: three packets of the network with the most classes
TOLD = ("status", "loaded", "waiting", "busy", "overrun", "image")  # ports of a top with the array


def version_number() -> int:
    """popbeat's version as the register VERSION has it."""
    major, minor, patch = map(int, re.match(r"(\d+)\.(\d+)\.(\d+)", files.project()["version"]).groups())
    return major << 16 | minor << 8 | patch


def bundle_number(sha256: str) -> int:
    """A bundle's identity as the register BUNDLE has it: the first 32 bits of its hexadecimal SHA-256, or 0 where there is none."""
    return int(sha256[:8] or "0", 16)


def check(words: int, depth: int) -> None:
    """Raise unless a queue of ``depth`` words can hold packets of ``words``."""
    if not words <= depth < 1 << registers.Status["level"].width:
        raise PopbeatError(f"a queue of {depth} words: it takes those of a packet, {words} here, at least, and less than 2^16")


class AxiLiteTop(wiring.Component):
    """A whole classifier with samples on AXI4-Stream and results in registers.

    Ports, beside ``clk`` and ``rst`` (synchronous, active high):
      - ``s_axis_*``, and where networks are loaded ``c_axis_*``: those of the ``classifier``, a top with these and ``m_axis_*``
        (:class:`hw.binary.top.Top`, :class:`hw.beats.top.BeatTop`, :class:`hw.mac.top.MacTop` and their like);
      - ``s_axil_*``: the registers (:data:`hw.axilite.registers.MAP`), as at :class:`hw.axilite.registers.Registers`;
      - ``irq``: high while a whole packet waits and CONTROL.interrupt is set; it follows them a cycle later.

    Results wait in a queue of ``depth`` words; where it is full the classifier waits in its turn, and in the end the samples do:
    nothing is lost. ``words`` is the length of the longest packet; the queue has to hold one, or ``irq`` would never rise.
    CONTROL.restart resets the classifier and the queue, as ``rst`` does, but neither bus nor CONTROL.interrupt: samples and bytes
    that it has taken until then are dropped, windows are numbered from 0 again, and an array has to be loaded again. A sample that
    is offered in that moment waits, and is the first one of a window. ``bundle``: value of the register BUNDLE.
    """

    def __init__(self, classifier: wiring.Component, words: int, bundle: int = 0, depth: int = DEPTH):
        check(words, depth)
        self.classifier, self.bundle, self.depth = classifier, bundle, depth
        members = classifier.signature.members.items()
        self.streams = {name: member for name, member in members if name.startswith(("s_axis_", "c_axis_"))}
        super().__init__(self.streams | registers.bus() | {"irq": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.registers = told = Registers(version_number(), self.bundle)
        again, stays = ResetInserter(told.restart), ~told.restart
        queue, top = ResultQueue(self.depth), self.classifier
        m.submodules.queue, m.submodules.classifier = again(queue), again(top)
        connect(m, queue.o, told.results)
        for ours, theirs, members in ((self, top, self.streams), (self, told, registers.bus())):
            for name, member in members.items():
                to, of = (theirs, ours) if member.flow == In else (ours, theirs)
                # What is taken in the cycle of a restart would be lost, and its sender would not know.
                holds = theirs is top and name.endswith(("tvalid", "tready"))
                m.d.comb += getattr(to, name).eq(getattr(of, name) & stays if holds else getattr(of, name))
        m.d.comb += [
            queue.i.payload.word.eq(top.m_axis_tdata),
            queue.i.payload.last.eq(top.m_axis_tlast),
            queue.i.valid.eq(top.m_axis_tvalid),
            top.m_axis_tready.eq(queue.i.ready),
            told.status.level.eq(queue.level),
            told.status.last.eq(queue.o.valid & queue.o.payload.last),
            told.status.packet.eq(queue.packet),
            told.windows.eq(queue.windows),
        ]
        if "c_axis_tdata" in self.streams:
            m.d.comb += [told.array.present.eq(1), *(getattr(told.array, name).eq(getattr(top, name)) for name in TOLD)]
        m.d.sync += self.irq.eq(told.interrupt & queue.packet)
        return m


@dataclass(frozen=True)
class Wrapped:
    """A classifier to wrap: its ``top`` and ``name``, the ``words`` of its longest packet, its exact ``cycles``; the ``sha256`` of
    the bundle in it, or the ``image`` of the network to load."""

    top: wiring.Component
    name: str
    words: int
    cycles: dict
    sha256: str = ""
    image: bytes = b""


def classifier(packed: Bundle, config: str | configurations.Config) -> Wrapped:
    """The classifier of a bundle in a configuration, by the names that :mod:`hw.generate` takes, or in a folding of one's own."""
    if isinstance(packed, GraphBundle):
        record = config == image_top.NAME
        params = image_top.parameters(packed) if record else mac_design.config(config, packed)
        program, spec = mac_design.compile_bundle(packed, params).program, mac_design.normaliser(packed)
        exact, words, data = cycles(params, spec, program), params.classes + 1, image(program)
        if record:
            name, told = verilog.module(params.name, config), asdict(image_top.times(exact.interval))
            return Wrapped(image_top.ImageTop(params, spec), name, words + 1, told, image=data)
        return Wrapped(MacTop(params, spec), verilog.module(params.name), words, asdict(exact), image=data)
    made = measure.classifier(packed, config)
    behind = isinstance(made.top, beat_top.BeatTop)
    words = made.top.params.head.beats + behind
    return Wrapped(made.top, made.name, words, asdict(made.times if behind else made.cycles), packed.sha256)


def generate(
    packed: Bundle, config: str | configurations.Config, folder: Path | None = None, name: str = "", depth: int = DEPTH
) -> tuple[Path, str]:
    """Write the top's Verilog into ``folder`` (default ``build/<model>/verilog``), the same bytes every time, beside it its ports
    and registers as JSON and, where networks are loaded, the network's image; returns the Verilog file and the module's ``name``
    (default ``popbeat_<model>_<config>_axilite``, of an array ``popbeat_<array>_axilite``)."""
    inner = classifier(packed, config)
    check(inner.words, depth)
    top = AxiLiteTop(inner.top, inner.words, bundle_number(inner.sha256), depth)
    name = name or f"{inner.name}_{NAME}"
    chosen = config if isinstance(config, str) else config.name
    what = f"{packed.model}, configuration {chosen}, with results in AXI4-Lite registers"
    command = f"make verilog MODEL={packed.model} CONFIG={chosen} AXILITE=1"
    text = verilog.header(what, command, inner.sha256) + verilog.convert(top, name)
    path = files.write_bytes((folder or files.BUILD / packed.model / "verilog") / f"{name}.v", text.encode())
    if inner.image:
        files.write_bytes(path.with_suffix(".image"), inner.image)
    files.write_json(path.with_suffix(".json"), describe(packed, inner, top, name, text))
    return path, name


def describe(packed: Bundle, inner: Wrapped, top: AxiLiteTop, name: str, text: str) -> dict:
    """Ports, registers and formats, for people and programs that instantiate it."""
    loaded = {"image": f"{name}.image", "image_sha256": files.sha256(inner.image)} if inner.image else {}
    whole = "s_axis_tlast" in top.streams  # else samples come without end
    words = packed.network.words * whole
    return common(top, name, text, packed, loaded=bool(inner.image)) | {
        **loaded,
        "input": {
            **({"window": packed.normaliser.window} if whole else {}),
            **({"rr_words": words} if words else {}),
            "raw_bits": packed.normaliser.raw_bits,
            "samples_a_beat": len(top.s_axis_tdata) // 16,
            "rate_hz": RATE,
        },
        "cycles": inner.cycles,
        "registers": [
            {"name": one.name, "address": one.address, "writable": one.writable, "fields": one.places()} for one in registers.MAP
        ],
        "output": {
            "header": result.header(bool(inner.image), isinstance(inner.top, GuardedTop)),
            "beats": inner.words,
            "queue": top.depth,
        },
    }
