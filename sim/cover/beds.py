"""Where coverage comes from: the conditions of the benches, on a model that counts.

Tops that take windows go through the segments that judge mutants (:mod:`sim.mutate.beds`); the top that finds beats itself through
real recordings; the array, as a component, through its cocotb benches with random programs, faulty images and faulty programs.
Everything that comes out is compared as always, so what is counted was checked.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw import verilog
from hw.beats import top as beat_top
from sim import verilator
from sim.benches import runner
from sim.benches.mac import array_cases, small
from sim.benches.qrs import judge as judge_cases
from sim.benches.qrs.short import SHORT
from sim.bulk import record
from sim.cover import crosses, decisions, descriptors, points
from sim.cover.points import Point
from sim.mutate import beds, judge
from sw import files
from sw.beats import chain
from sw.data import beats, source
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.qrs.detector import PARAMS, detect

HOME = files.BUILD / "coverage"
# Of DS1: normal beats with paced and aberrant ones, many ventricular ones, and noise.
RECORDS = ("106", "109", "203")
SAMPLES = 100_000
SPOILED = 100  # programs of a host that makes mistakes


@dataclass(frozen=True)
class Reached:
    """What was counted: how often each point was reached and each cross occurred, in the Verilog with this hash."""

    points: Counter[Point]
    crosses: Counter[str]
    verilog_sha256: str


@contextmanager
def _counts(path: Path) -> Iterator[None]:
    """Models that run within count into ``path``, crosses into another file beside it."""
    places = {"POPBEAT_COVERAGE": path.resolve(), "POPBEAT_CROSSES": path.with_suffix(".crosses").resolve()}
    for name, place in places.items():
        place.unlink(missing_ok=True)
        os.environ[name] = str(place)
    try:
        yield
    finally:
        for name in places:
            del os.environ[name]


def of_bed(bed: beds.Bed, home: Path) -> Reached:
    """A top that takes windows, through all segments of its bed, the further ones, too."""
    verilator.prepare()
    sources = judge.sources(bed, bed.verilog)
    sources["config.h"] += "#define MUTATE_NONE 1\n"
    program = verilator.program(sources, bed.name, home, "-O1", verilator.COUNTING)
    made = []
    for number, segments in enumerate((bed.segments, bed.further)):
        if not segments:
            continue
        made.append(home / f"{number}.dat")
        with _counts(made[-1]):
            ((_, verdict, *_, why),) = judge.lines(program, bed.name, [0], segments)
        if verdict != "survived":
            raise PopbeatError(f"{bed.name} fails on its own bed: {why}")
    occurred = crosses.read([path.with_suffix(".crosses") for path in made])
    return Reached(points.read(made), occurred, verilog.digest(bed.verilog))


def of_windows(model: str, config: str) -> Reached:
    """A shipped network that takes windows."""
    return of_bed(beds.make(model, config), HOME / f"{model}_{config}")


def of_records(model: str) -> Reached:
    """A shipped network behind the detector: the first samples of some recordings, burst and with random gaps and pauses, every
    beat as the reference says it. Crosses of the detector's decisions on them, and on the peaks of its judge's own bench."""
    verilator.prepare()
    packed, found = bundles.read(bundle.SHIPPED / model), source.find(download=False)
    home = HOME / f"{model}_record"
    harness = record.RecordHarness(beat_top.parameters(packed), home, counting=True)
    made, occurred = [], Counter()
    for name in RECORDS:
        signal = found.signal(name, beats.lead(found, name))[:SAMPLES]
        wanted = chain.run(packed, signal)
        occurred += decisions.of_envelope(detect(signal.astype(np.int64)).stages.envelope, PARAMS)
        for mode in ("burst", "random"):
            made.append(home / f"{name}_{mode}.dat")
            with _counts(made[-1]):
                record.check(harness.run(signal, mode), wanted)
    for envelope in judge_cases.ENVELOPES.values():
        occurred += decisions.of_envelope(envelope(), SHORT)
    return Reached(points.read(made), occurred, verilog.digest(harness.verilog.read_text()))


def of_array() -> Reached:
    """The array alone, small, on both of its cocotb benches; crosses of the operations of all programs that ran to their end."""
    params, home = small.SMALL, HOME / f"array_{small.SMALL.name}"
    folder = array_cases.build(params, home, counting=True)
    data = {"array": (small.cases(folder, params), small.TESTS), "hosts": (small.mistakes(folder, params, SPOILED), small.HOSTS)}
    made = []
    for module, (cases, tests) in data.items():
        for test in tests:
            (folder / "coverage.dat").unlink(missing_ok=True)
            environment = {"POPBEAT_BENCH": str(cases), "COCOTB_TEST_FILTER": rf"\.{test}$"}
            runner.run("mac_array", f"sim.benches.mac.{module}", folder, environment, tests=1)
            made.append((folder / "coverage.dat").replace(home / f"{test}.dat"))
    text = array_cases.source(params)
    return Reached(points.read(made), descriptors.occurred(small.drawn(params)), verilog.digest(text))
