"""``make soak``: 24 hours of real ECG, all recordings one behind the other, through a top in one uninterrupted simulation: the
samples through detector and beat network, the windows through the binary network. Every result is compared; beat numbers and
positions wrap many times. The figures go into ``docs/soak.json``."""

import contextlib
from pathlib import Path

import numpy as np

from hw.stream.result import Beat
from sim import canary, compare, engines, verilator
from sim.bulk import chunks, record
from sim.bulk.runner import Simulator
from sim.subject import Subject
from sw import cli, files
from sw.beats import chain
from sw.data import beats, mitbih, source, tasks
from sw.export import bundle, bundles

STORED = files.ROOT / "docs" / "soak.json"
BEATS, WINDOWS = "bnnbeat5", "bnn17"


def of_beats(found: source.Source, bar) -> dict:
    """The samples of all recordings through detector and beat network."""
    line = bar.add_task(f"{BEATS} record: reference", total=2)
    packed = bundles.read(bundle.SHIPPED / BEATS)
    signal = np.concatenate([found.signal(name, beats.lead(found, name)) for name in mitbih.RECORDS])
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
    window, spec = subject.bundle.network.window, subject.bundle.normaliser
    joined = [found.signal(name, beats.lead(found, name)) for name in mitbih.RECORDS]
    samples = np.concatenate([signal[: len(signal) // window * window].reshape(-1, window) for signal in joined])
    line = bar.add_task(f"{WINDOWS} full: RTL, {len(samples):,} windows", total=len(samples))
    design = subject.design
    widths = {"normalised": spec.z_bits, "result": Beat.size}
    simulator = Simulator(design.verilog, design.name, window, widths, files.BUILD / "soak" / WINDOWS)
    seen = simulator.run(samples, "burst", None, None)
    results = seen.results(subject.bundle.network.classes)
    compare.equal("window numbers", results["number"], np.arange(len(samples)) % (1 << 16))
    for start in range(0, len(samples), chunks.WINDOWS):
        part = slice(start, start + chunks.WINDOWS)
        wanted = engines.trace(subject.bundle, samples[part])
        for name in ("logits", "label"):
            compare.equal(name, results[name][part], getattr(wanted, name))
        bar.update(line, advance=len(samples[part]))
    wanted.logits[0, 0] += 1
    with contextlib.suppress(compare.Mismatch):
        compare.equal("canary", results["logits"][part], wanted.logits)
        raise canary.CanaryMissed("the comparison did not notice a changed logit")
    intervals = np.diff(seen.cycles["header"])
    compare.equal("cycles from window to window", intervals, np.full(len(intervals), subject.cycles.interval))
    hours = round(samples.size / tasks.RATE / 3600, 2)
    return {"model": WINDOWS, "windows": len(samples), "hours": hours, "cycles": int(seen.cycles["end"][-1])}


app = cli.new_app(__doc__)


@app.command()
def main() -> None:
    """Run both, some 20 minutes of a core; the first difference is an error."""
    found = source.find()
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
