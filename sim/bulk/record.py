"""Bulk simulation of the tops that find beats themselves: whole leads, every labelled beat compared with the reference."""

from pathlib import Path

import numpy as np

from hw.beats import top as beat_top
from hw.binary.datapath import DatapathParams
from hw.images import top as image_top
from hw.mac import design as mac_design
from hw.mac.params import ArrayParams
from hw.mac.top import cycles
from sim import canary, verilator
from sim.bulk.runner import COMMON
from sim.compare import Mismatch, equal
from sw import files
from sw.beats import chain
from sw.beats.chain import Labelled
from sw.export.array.bundle import GraphBundle
from sw.export.array.program import image
from sw.export.bundles import Bundle
from sw.qrs.params import POSITION_BITS

SOURCE = Path(__file__).with_name("record.cpp")
NO_CALL_BIT = 24
DRAIN = 20_000  # cycles without a result that end a simulation of the binary top; a beat takes some hundreds


class Harness:
    """A compiled top that takes samples without end; ``image``: the network that is loaded into it first, if any."""

    def __init__(
        self, packed: Bundle, verilog: Path, name: str, folder: Path, drain: int, image: bytes | None = None, counting: bool = False
    ):
        """Compile into ``folder``, unless the same sources were compiled there before; ``drain``: more cycles than a beat takes;
        ``counting``: with coverage."""
        self.bundle, self.verilog, self.name, self.image = packed, verilog, name, image
        sources = {
            "top.v": verilog.read_text(),
            "record.cpp": SOURCE.read_text(),
            "common.h": COMMON.read_text(),
            "config.h": f"#define POPBEAT_DRAIN {drain}\n" + "#define POPBEAT_IMAGE\n" * (image is not None),
        }
        self.program = verilator.program(sources, name, folder, "-O2", verilator.COUNTING if counting else ())

    def run(self, signal: np.ndarray, mode: str = "burst", seed: int | None = None) -> Labelled:
        """Simulate one lead ``int16[n]`` from reset, with so many samples behind it that its last beat leaves. Positions are modulo
        2^16."""
        return self.stretch(chain.whole(self.bundle, signal), mode, seed)

    def stretch(self, samples: np.ndarray, mode: str = "burst", seed: int | None = None) -> Labelled:
        """Simulate samples ``int16[n]`` from reset as they are; a beat that has not left by then is not there."""
        beside = {} if self.image is None else {"image.bin": self.image}
        with verilator.simulated(self.program, self.name, samples, mode, seed, beside) as folder:
            number, seen = self._packets(folder)
        equal("beat numbers", number, np.arange(len(number)) % (1 << 16))
        return seen

    def exchanged(
        self, samples: np.ndarray, after: int, image: bytes, mode: str = "burst", bytes_sent: int | None = None
    ) -> tuple[Labelled, int, int]:
        """The same of a top that loads networks, where ``image`` is offered to it from sample ``after`` on, or its first
        ``bytes_sent`` bytes alone, without TLAST. Also returns the first
        beat whose running number began anew (how many beats there are, where none did) and the status of the load."""
        beside = {"image.bin": self.image, "later.bin": image}
        extra = str(after), str(len(image) if bytes_sent is None else bytes_sent)
        with verilator.simulated(self.program, self.name, samples, mode, None, beside, extra) as folder:
            number, seen = self._packets(folder)
            status = int(np.fromfile(folder / "state.u32", "<u4")[0])
        first = int(np.flatnonzero(np.append(number[1:] == 0, True))[0]) + 1
        equal("beat numbers", number, np.concatenate([np.arange(first), np.arange(len(number) - first)]))
        return seen, first, status

    def cycles(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Simulate samples ``int16[n]`` from reset, as fast as they are taken: the cycle in which each is taken at ``s_axis``, and
        that in which each packet's first beat leaves ``m_axis``, both ``int64``."""
        beside = {} if self.image is None else {"image.bin": self.image}
        with verilator.simulated(self.program, self.name, samples, "burst", None, beside) as folder:
            taken, sent = (np.fromfile(folder / f"{name}.u64", "<u8").astype(np.int64) for name in ("taken", "sent"))
        return taken, sent[:: self.bundle.network.classes + 2]

    def _packets(self, folder: Path) -> tuple[np.ndarray, Labelled]:
        """Running numbers ``int64[n]`` and beats of what a simulation left."""
        words, last = np.fromfile(folder / "results.u32", "<u4").reshape(-1, 2).T
        length = self.bundle.network.classes + 2
        if len(words) % length or not np.array_equal(np.flatnonzero(last), np.arange(length - 1, len(words), length)):
            raise Mismatch(f"{len(words)} result beats are no packets of {length}")
        packets = words.reshape(-1, length)
        header = packets[:, 0].astype(np.int64)
        equal("no call", header >> NO_CALL_BIT & 1, (header >> 16 & 0xFF == 255).astype(np.int64))
        logits = packets[:, 1:-1].astype(np.int32).astype(np.int64)
        return header & 0xFFFF, Labelled(packets[:, -1].astype(np.int64), header >> 16 & 0xFF, logits)


class RecordHarness(Harness):
    """A compiled :class:`hw.beats.top.BeatTop`."""

    def __init__(self, params: DatapathParams, folder: Path | None = None, counting: bool = False):
        """Compile into ``folder`` (default ``build/<model>/bulk_record``)."""
        folder = folder or files.BUILD / params.bundle.model / "bulk_record"
        verilog, name = beat_top.generate(params, folder=folder / "verilog")
        super().__init__(params.bundle, verilog, name, folder, DRAIN, counting=counting)


class ImageRecordHarness(Harness):
    """A compiled :class:`hw.images.top.ImageTop` with a network."""

    def __init__(self, packed: GraphBundle, params: ArrayParams, folder: Path | None = None):
        """Compile into ``folder`` (default ``build/<array>/bulk_record``: one top for every network)."""
        folder = folder or files.BUILD / params.name / "bulk_record"
        verilog, name = image_top.generate(packed, params, folder=folder / "verilog")
        program = mac_design.compile_bundle(packed, params).program
        interval = cycles(params, mac_design.normaliser(packed), program).interval
        super().__init__(packed, verilog, name, folder, 2 * interval + image_top.QUIET + DRAIN, image(program))


def harness(packed: Bundle) -> Harness:
    """The largest top that finds the beats itself of a network of beats, compiled."""
    if chain.of_images(packed):
        return ImageRecordHarness(packed, image_top.parameters(packed))
    return RecordHarness(beat_top.parameters(packed))


def check(seen: Labelled, expected: Labelled) -> int:
    """Raise :class:`sim.compare.Mismatch` unless hardware and reference agree on every beat; returns how many there are."""
    equal("R peaks", seen.position, expected.position % (1 << POSITION_BITS))
    equal("logits", seen.logits, expected.logits)
    equal("labels", seen.label, expected.label)
    return len(seen.position)


def check_first(seen: Labelled, expected: Labelled, least: int) -> int:
    """The same of a recording's first part, whose beats, ``least`` or more, must be the reference's first ones."""
    count = len(seen.position)
    if not least <= count <= len(expected.position):
        raise Mismatch(f"{count} beats came out; the reference has {len(expected.position)}, and {least} at least were to come")
    return check(seen, Labelled(expected.position[:count], expected.label[:count], expected.logits[:count]))


def first_beats(harness: Harness, signal: np.ndarray, made: Labelled, least: int) -> np.ndarray:
    """The samples of a recording ``int16[n]`` after which its first ``least`` beats have left the hardware, at most
    :func:`sw.beats.chain.whole`."""
    samples = chain.whole(harness.bundle, signal)
    after = len(samples) - len(signal)
    return samples[: made.position[least - 1] + after] if least <= len(made.position) else samples


def canary_logit(seen: Labelled, made: Labelled, least: int) -> str:
    """Change one logit that the hardware gave: the comparison must fail; returns what it said."""
    seen.logits[len(seen.logits) // 2, 0] += 1
    try:
        check_first(seen, made, least)
    except Mismatch as error:
        return str(error)
    raise canary.CanaryMissed("the comparison did not notice a changed logit")
