"""``make soak``: 24 hours of real ECG, all recordings one behind the other, through a top in one uninterrupted simulation: the
samples through detector and beat network, the windows through the binary network. Every result is compared; beat numbers and
positions wrap many times. The figures go into ``docs/soak.json``."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hw import configurations
from hw.generate import Design
from hw.stream.result import Beat
from sim import canary, compare, engines, verilator
from sim.bulk import chunks, record
from sim.bulk.runner import Simulator
from sim.subject import Subject
from sw import cli, files
from sw.beats import chain
from sw.data import beats, mitbih, source, tasks
from sw.export import bundle, bundles
from sw.export.bundle import Bundle

STORED = files.ROOT / "docs" / "soak.json"
BEATS, WINDOWS = "bnnbeat5", "bnn17"


def signals(found: source.Source) -> list[np.ndarray]:
    """The samples of all recordings."""
    return [found.signal(name, beats.lead(found, name)) for name in mitbih.RECORDS]


def of_beats(found: source.Source, bar) -> dict:
    """The samples of all recordings through detector and beat network."""
    line = bar.add_task(f"{BEATS} record: reference", total=2)
    packed, signal = bundles.read(bundle.SHIPPED / BEATS), np.concatenate(signals(found))
    wanted = chain.run(packed, signal)
    bar.update(line, advance=1, description=f"{BEATS} record: RTL, {len(signal):,} samples")
    seen = record.harness(packed).run(signal)
    count = record.check(seen, wanted)
    record.canary_logit(seen, wanted, count)
    bar.update(line, advance=1)
    return {"model": BEATS, "samples": len(signal), "hours": round(len(signal) / tasks.RATE / 3600, 2), "beats": count}


def of_windows(found: source.Source, bar) -> dict:
    """The windows of all recordings back to back through the binary network; results alone are recorded."""
    subject = Subject(bundle.SHIPPED / WINDOWS, "full", True, found)
    window = subject.bundle.network.window
    samples = np.concatenate([s[: len(s) // window * window].reshape(-1, window) for s in signals(found)])
    line = bar.add_task(f"{WINDOWS} full: RTL, {len(samples):,} windows", total=len(samples))
    cycles = through(subject.bundle, subject.design, samples, files.BUILD / "soak" / WINDOWS, lambda n: bar.update(line, advance=n))
    hours = round(samples.size / tasks.RATE / 3600, 2)
    return {"model": WINDOWS, "windows": len(samples), "hours": hours, "cycles": cycles}


def through(packed: Bundle, design: Design, samples: np.ndarray, folder: Path, advance: Callable[[int], None]) -> int:
    """Raw windows ``int16[n, window]`` back to back through a streaming top in one simulation: numbers, logits, classes and
    the cycles from window to window must be right; a difference is a :class:`compare.Mismatch`. ``advance`` is told how many were
    compared. Returns the cycles that all took."""
    widths = {"normalised": packed.normaliser.z_bits, "result": Beat.size}
    simulator = Simulator(design.verilog, design.name, packed.network.window, widths, folder)
    seen = simulator.run(samples, "burst", None, None)
    results = seen.results(packed.network.classes)
    compare.equal("window numbers", results["number"], np.arange(len(samples)) % (1 << 16))
    for start in range(0, len(samples), chunks.WINDOWS):
        part = slice(start, start + chunks.WINDOWS)
        wanted = engines.trace(packed, samples[part])
        for name in ("logits", "label"):
            compare.equal(name, results[name][part], getattr(wanted, name))
        advance(len(samples[part]))
    wanted.logits[0, 0] += 1
    with contextlib.suppress(compare.Mismatch):
        compare.equal("canary", results["logits"][part], wanted.logits)
        raise canary.CanaryMissed("the comparison did not notice a changed logit")
    intervals = np.diff(seen.cycles["header"])
    exact = configurations.cycles(design.params).interval
    compare.equal("cycles from window to window", intervals, np.full(len(intervals), exact))
    return int(seen.cycles["end"][-1])


app = cli.new_app(__doc__)


@app.command()
def main() -> None:
    """Run both, some 20 minutes of a core; the first difference is an error."""
    found = source.real("the soak is")
    verilator.prepare()
    with cli.progress() as bar:
        told = {"full": of_windows(found, bar), "record": of_beats(found, bar)}
    path = store(told, found)
    for name, one in told.items():
        cli.say(f"{one['model']} {name}: {one['hours']} hours, 0 results differ ({path})")


def store(told: dict, found: source.Source) -> Path:
    """The figures with their command."""
    return files.write_json(STORED, {"command": "make soak", "data": found.kind, "simulator": verilator.VERSION} | told)


if __name__ == "__main__":
    cli.run(app)
