"""Windows in bulk through a top, back to back, in chunks: on all cores of this machine, or as jobs of a campaign on a cluster.

On a cluster (``SCHEDULER``, ``sw/campaign.py``) a worker generates and compiles the shipped bundle itself, and refuses another one
than the campaign's; what was compared once is not simulated again.
"""

import functools
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from rich.progress import Progress

from sim import compare, engines, verilator
from sim.bulk.runner import Observed
from sim.subject import Subject
from sw import campaign, cli
from sw.data import mitbih, source
from sw.export import bundle

WINDOWS = 100  # of 3,600 samples, in a chunk
CYCLES = 12_000_000  # of a chunk at most: what an array writes in them takes some hundred megabytes


def compared(subject: Subject, harness, rows: np.ndarray, mode: str = "burst") -> tuple[Observed, int]:
    """What the hardware did with windows, and how many layers of it were equal to the integer model; a difference raises."""
    seen = harness.run(subject.samples[rows], mode)
    return seen, compare.check(seen, engines.trace(subject.bundle, subject.samples[rows]))


def burst(subject: Subject, harness, rows: np.ndarray) -> dict:
    """Windows back to back: the hardware's ``labels`` and ``logits``, the different ``intervals`` between its results, ``layers``
    compared, and the names of those that the hardware never writes (``hidden``)."""
    seen, layers = compared(subject, harness, rows)
    intervals = set(np.diff(seen.cycles["header"]).tolist())
    return {
        "labels": seen.label.tolist(),
        "logits": seen.logits.tolist(),
        "intervals": sorted(intervals),
        "layers": layers,
        "hidden": sorted(getattr(seen, "hidden", ())),
    }


def bursts(subject: Subject, harness, bar: Progress) -> list[dict]:
    """Every window of the subject that was chosen, in chunks."""
    what = f"{subject.model}: RTL = integers, every layer"
    size = WINDOWS * max(1, mitbih.WINDOW // subject.samples.shape[1])
    size = max(1, min(size, CYCLES // subject.cycles.interval))
    chunks = [subject.rows[i : i + size] for i in range(0, len(subject.rows), size)]
    if campaign.scheduler():
        if subject.folder == bundle.SHIPPED / subject.model and subject.named:
            return campaign.run([_job(subject, rows) for rows in chunks], bar, what)
        cli.warn(f"this bundle or folding of {subject.model} is no shipped one: it is simulated here, not on the cluster")
    line, done = bar.add_task(what, total=len(subject.rows)), []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for result in pool.map(lambda rows: burst(subject, harness, rows), chunks):
            done.append(result)
            bar.update(line, advance=len(result["labels"]))
    return done


def _inputs(subject: Subject) -> dict[str, str]:
    return {
        "bundle_sha256": subject.bundle.sha256,
        "verilog_sha256": subject.design.description["verilog_sha256"],
        "simulator": verilator.VERSION,
        "data": subject.source.kind,
    }


def _job(subject: Subject, rows: np.ndarray) -> campaign.Job:
    arguments = {"model": subject.model, "config": subject.engine.config, "rows": rows.tolist(), "inputs": _inputs(subject)}
    return campaign.Job("sim.bulk.chunks:chunk", arguments, f"{subject.model}, {len(rows)} windows from {rows[0]} on")


@functools.cache
def _compiled(model: str, config: str) -> tuple:
    verilator.prepare()
    subject = Subject(bundle.SHIPPED / model, config, True, source.find(download=False))
    return subject, subject.engine.harness()


def chunk(model: str, config: str, rows: list[int], inputs: dict[str, str]) -> dict:
    """The job: see :func:`burst`."""
    subject, harness = _compiled(model, config)
    here = _inputs(subject)
    campaign.demand("inputs", [inputs[name] for name in here], list(here.values()))
    return burst(subject, harness, np.array(rows))
