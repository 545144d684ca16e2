"""What is fed with broken inputs: a folder with valid ones, which of its files are broken, and what reads them.

A target is fine where it reads the input, or ends with :class:`sw.errors.PopbeatError` or the system's :class:`OSError`, as every
command tells its user. Anything else is a find.
"""

import contextlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from types import SimpleNamespace

import edfio
import numpy as np
import wfdb

from hw import configurations
from hw.board.host import Host
from hw.link import wire
from sim.fuzz.mutations import broken
from sim.records import opening
from sw.data import foreign, recordings, records, source
from sw.errors import PopbeatError
from sw.export import bundle, bundles

SAMPLES = 3_000
RAW_BITS = 12


@dataclass(frozen=True)
class Target:
    """``make`` fills a folder with valid inputs; ``feed`` reads them; one of the files ``broken`` (all, if none is named) is broken
    for each case."""

    make: Callable[[Path], None]
    feed: Callable[[Path], object]
    broken: tuple[str, ...] = ()

    def case(self, valid: Path, folder: Path, random: Random) -> None:
        """Copy the valid inputs, break one of them, and read them."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(valid, folder)
        names = self.broken or tuple(sorted(path.name for path in folder.iterdir()))
        path = folder / random.choice(names)
        path.write_bytes(broken(path.read_bytes(), random))
        with contextlib.suppress(PopbeatError, OSError):
            self.feed(folder)


def _samples() -> np.ndarray:
    found = source.find(download=False)
    return found.signal("100", "MLII")[:SAMPLES].astype(np.int64)


def _wfdb(folder: Path) -> None:
    two = np.stack([_samples(), _samples()[::-1]], axis=1)
    scale = {"units": ["mV"] * 2, "sig_name": ["MLII", "V5"], "fmt": ["212"] * 2, "adc_gain": [200] * 2, "baseline": [1024] * 2}
    wfdb.wrsamp("r", fs=360, d_signal=two, write_dir=str(folder), **scale)
    wfdb.wrann("r", "atr", np.array([100, 500, 900]), np.array(["N", "V", "+"]), aux_note=["", "", "(AFIB"], write_dir=str(folder))


def _segments(folder: Path) -> None:
    for name, part in (("a", _samples()[:1500]), ("b", _samples()[1500:])):
        scale = {"units": ["mV"], "sig_name": ["MLII"], "fmt": ["16"], "adc_gain": [200], "baseline": [1024]}
        wfdb.wrsamp(name, fs=360, d_signal=part[:, None], write_dir=str(folder), **scale)
    (folder / "r.hea").write_text("r/3 1 360 3300\na 1500\n~ 300\nb 1500\n")


def _whole(folder: Path, name: str, rate: str = "") -> None:
    """Read as ``make classify`` does, up to the windows."""
    header = recordings.read_header(folder / name, rate)
    index = foreign.choose_lead(header, "")
    foreign.check(header, index)
    lead = foreign.prepare(header, index, RAW_BITS)
    lead.stream()
    lead.windows(300)


def _edf(folder: Path, signal, whole, name: str, kind) -> None:
    values = (_samples() - 1024).astype(kind)[:2880]
    scale = {"label": "ECG", "physical_dimension": "mV", "physical_range": (-5.12, 5.115), "digital_range": (-1024, 1023)}
    notes = [edfio.EdfAnnotation(1, None, "note")] if whole is edfio.Edf else []
    whole([signal.from_digital(values, 360, **scale)], annotations=notes, data_record_duration=1).write(folder / name)


def _csv(folder: Path) -> None:
    (folder / "r.csv").write_text(
        "time,MLII (mV)\n" + "".join(f"{i / 360:.3f},{v / 200:.3f}\n" for i, v in enumerate(_samples()[:400]))
    )


def _npy(folder: Path) -> None:
    np.save(folder / "r.npy", np.stack([_samples(), _samples()]).astype(np.int16))


def _bundle(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        for file in ("bundle.json", "tensors.safetensors"):
            shutil.copy(bundle.SHIPPED / name / file, folder / file)

    return make


def _folding(folder: Path) -> None:
    config = configurations.get("half")
    blocks = [asdict(block) for block in config.blocks]
    (folder / "own.json").write_text(json.dumps({"samples": config.samples, "blocks": blocks}))


def _frames(folder: Path) -> None:
    """What a board answers: two results, and that a frame is done."""
    logits = np.arange(18, dtype="<u4").tobytes()
    told = [wire.Frame(wire.RESULT, 0, logits), wire.Frame(wire.DONE, 1, b"\x01"), wire.Frame(wire.RESULT, 1, logits)]
    (folder / "line.bin").write_bytes(b"".join(frame.encode() for frame in told))


def _listen(folder: Path) -> None:
    data = (folder / "line.bin").read_bytes()
    parts = [data[i : i + 7] for i in range(0, len(data), 7)]
    line = SimpleNamespace(write=lambda sent: None, read=lambda: parts.pop(0) if parts else b"")
    host = Host(line)
    host.restart()
    host.settle()


def _words(folder: Path) -> None:
    (folder / "words.txt").write_text("1:30\n0:02:10.5\nMLII\n250\n")


def _options(folder: Path) -> None:
    """Values of options, as a user types them."""
    start, stop, lead, rate, *_ = [*(folder / "words.txt").read_text(errors="replace").split("\n"), "", "", "", ""]
    _ = opening.Wish(lead, False, False, rate, start, stop).span
    opening.folder_name({"record": start, "lead": lead, "model": rate, "path": stop})
    (folder / "r.csv").write_text("1\n2\n")
    recordings.read_header(folder / "r.csv", rate)


TARGETS = {
    "WFDB header": Target(_wfdb, lambda folder: _whole(folder, "r"), ("r.hea",)),
    "WFDB samples": Target(_wfdb, lambda folder: _whole(folder, "r"), ("r.dat",)),
    "WFDB segments": Target(_segments, lambda folder: _whole(folder, "r"), ("r.hea", "a.hea", "b.dat")),
    "WFDB annotations": Target(_wfdb, lambda folder: records.read_annotations(folder / "r"), ("r.atr",)),
    "EDF": Target(lambda f: _edf(f, edfio.EdfSignal, edfio.Edf, "r.edf", np.int16), lambda f: _whole(f, "r.edf"), ("r.edf",)),
    "BDF": Target(lambda f: _edf(f, edfio.BdfSignal, edfio.Bdf, "r.bdf", np.int32), lambda f: _whole(f, "r.bdf"), ("r.bdf",)),
    "CSV": Target(_csv, lambda folder: _whole(folder, "r.csv", "360"), ("r.csv",)),
    "NumPy": Target(_npy, lambda folder: _whole(folder, "r.npy", "360"), ("r.npy",)),
    "bundle, binary": Target(_bundle("bnnbeat5"), bundles.read),
    "bundle, graph": Target(_bundle("lamscn17"), bundles.read),
    "folding": Target(_folding, lambda folder: configurations.get(str(folder / "own.json"))),
    "answers of a board": Target(_frames, _listen),
    "options": Target(_words, _options),
}
