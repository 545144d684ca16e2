"""``make sim``: trained bundles through generated Verilog in Verilator, equal to the integer model in every integer.

For each model: Verilog of the bundle; benches of the top under cocotb; canaries; real windows in bulk, every layer compared; in a
full run one window in Icarus, where it is installed. What was measured goes to ``build/report.json``, a table and a picture.
"""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from sim import canary, compare, engines, strips, summary, verilator
from sim.benches import runner, vectors
from sim.bulk import chunks
from sim.subject import Subject
from sw import cli, files, honesty, metrics, networks, report
from sw.data import mitbih, multilabel, protocols, source, tasks
from sw.export import bundle, bundles
from sw.export.binary.integer import NO_CALL

STEADY = 20
# Of a network whose windows take more cycles than LONG, cocotb would want an hour for all tests of the top: then it runs these. All
# of them run on the same array with the shipped network.
LONG, SHORT = 100_000, r"gaps_(0_stalls_0|0\.4_stalls_0\.9)$"


def prove_golden(subject: Subject, bar) -> int:
    """The golden model in float64 (quantised input and head) against the integer model on the subject's windows: logits must be
    equal. Its canary: a golden model with one changed weight must not be. Returns the number of windows."""
    parameters = bundle.read_golden(subject.folder)
    if parameters is None:
        cli.warn(f"bundle {subject.folder} has no golden.safetensors: the PyTorch model behind it can't be compared")
        return 0
    net = engines.golden(subject.bundle, parameters)
    line = bar.add_task(f"{subject.model}: PyTorch = integers", total=len(subject.rows))
    for start in range(0, len(subject.rows), chunks.WINDOWS):
        samples = subject.samples[subject.rows[start : start + chunks.WINDOWS]]
        trace = engines.trace(subject.bundle, samples)
        compare.equal("golden logits", engines.golden_logits(subject.bundle, net, samples), trace.logits)
        bar.update(line, advance=len(samples))
    canary.golden_must_differ(subject.bundle, parameters, subject.samples[subject.few])
    return len(subject.rows)


def bench_file(path: Path, subject: Subject, logits: np.ndarray | None = None) -> Path:
    """What a bench of the top needs to know: six windows, their results and the predicted cycles."""
    told = {"words": subject.words} | asdict(subject.cycles) | ({} if logits is None else {"logits": logits})
    return vectors.write(path, vectors.of(subject.bundle, subject.samples[subject.few], subject.engine.image or b"", **told))


def run_benches(subject: Subject) -> None:
    """cocotb on the top through AXI4-Stream; its canary is the same bench with one wrong logit, which must fail."""
    home = files.BUILD / subject.model / f"cocotb_{subject.engine.config}"
    runner.build(subject.design.verilog, subject.design.name, home)
    data = bench_file(home / "bench.npz", subject)
    short = {"COCOTB_TEST_FILTER": SHORT} if subject.cycles.interval > LONG else {}
    subject.rtl["benches"] = runner.run(
        subject.design.name, "sim.benches.top", home, {"POPBEAT_BENCH": str(data)} | short, tests=2 if short else None
    )
    must_fail(subject, home, "sim.benches.top", {"COCOTB_TEST_FILTER": "gaps_0_stalls_0$"}, "window 0: expected [")


def must_fail(subject: Subject, home: Path, bench: str, environment: dict, says: str, simulator: str = "verilator") -> None:
    """The canary of a bench: with one wrong logit it must fail, and say so."""
    wrong = engines.trace(subject.bundle, subject.samples[subject.few]).logits
    wrong[0, 0] += 1
    data = bench_file(home / "canary.npz", subject, wrong)
    seen = runner.outcome(subject.design.name, bench, home, environment | {"POPBEAT_BENCH": str(data)}, simulator)
    if (seen.ran, seen.failed) != (1, 1) or says not in seen.log:
        raise canary.CanaryMissed(f"a bench with one wrong logit: {seen.ran} tests ran, {seen.failed} failed:\n{seen.log}")


def run_icarus(subject: Subject) -> None:
    """In a full run, one window in a four-state simulator, where one is installed. Not of the array, whose window would take
    hours."""
    if subject.engine.image or not subject.full:
        return
    if shutil.which("iverilog") is None:
        cli.warn("Icarus Verilog is not installed: no four-state run to look for X (apt install iverilog)")
        return
    home = files.BUILD / subject.model / f"icarus_{subject.engine.config}"
    runner.build(subject.design.verilog, subject.design.name, home, "icarus")
    data = bench_file(home / "bench.npz", subject)
    runner.run(subject.design.name, "sim.benches.one_window", home, {"POPBEAT_BENCH": str(data)}, "icarus", tests=1)
    must_fail(subject, home, "sim.benches.one_window", {}, "expected [", "icarus")
    subject.rtl["icarus_windows"] = 1


def run_canaries(subject: Subject, harness) -> None:
    """A flipped weight in the RTL, a moved threshold and a changed logit in the model: the comparison must notice each."""
    rows = subject.rows[:: max(1, len(subject.rows) // 12)][:12]
    samples = subject.samples[rows]
    trace = engines.trace(subject.bundle, samples)
    network, blocks = subject.bundle.network, canary.blocks(subject.bundle)
    weight = canary.flip_weight(subject.bundle, samples, trace, blocks // 2)
    wrong = subject.engine.altered(weight.bundle, harness).run(samples)
    compare.check(wrong, weight.trace)  # the altered hardware is what its altered model says
    said = [f"{weight.what}: {canary.must_differ(wrong, trace, weight.what)}"]
    seen = harness.run(samples)
    compare.check(seen, trace)
    threshold = canary.flip_threshold(subject.bundle, samples, trace, blocks - 2)
    said.append(f"{threshold.what}: {canary.must_differ(seen, threshold.trace, threshold.what)}")
    if subject.words:
        ratio = canary.flip_comparison(subject.bundle, samples, trace)
        said.append(f"{ratio.what}: {canary.must_differ(seen, ratio.trace, ratio.what)}")
        if network.rhythm.hidden:
            hidden = canary.flip_hidden(subject.bundle, samples, trace)
            said.append(f"{hidden.what}: {canary.must_differ(seen, hidden.trace, hidden.what)}")
    said.append(f"golden logit: {canary.must_differ(seen, canary.flip_logit(trace), 'golden logit')}")
    subject.rtl["canary_caught"] = True
    subject.rtl["canaries"] = said


def run_bulk(subject: Subject, harness, bar) -> tuple[np.ndarray, np.ndarray]:
    """Every chosen window through the top, back to back in chunks; every layer compared. Returns the hardware's labels and
    logits."""
    done = chunks.bursts(subject, harness, bar)
    labels, logits = (np.concatenate([chunk[name] for chunk in done]) for name in ("labels", "logits"))
    isolated, _ = chunks.compared(subject, harness, subject.few, "isolated")
    stalled = subject.rows[:: -(-len(subject.rows) // (2 * chunks.WINDOWS))]
    chunks.compared(subject, harness, stalled, "random")
    measured = {
        "interval": {interval for chunk in done for interval in chunk["intervals"]},
        "latency": set((isolated.cycles["header"] - isolated.cycles["normalised"]).tolist()),
        "live_latency": set((isolated.cycles["header"] - isolated.cycles["raw_last"]).tolist()),
    }
    cycles = {}
    for name, values in measured.items():
        predicted = getattr(subject.cycles, name)
        if values != {predicted}:
            raise compare.Mismatch(f"{name}: measured {sorted(values)}, predicted {predicted} cycles")
        cycles |= {f"{name}_cycles": values.pop(), f"predicted_{name}_cycles": predicted}
    steady = 0
    if subject.cycles.interval <= subject.bundle.normaliser.window and not subject.words:
        # A clock of the sampling rate suffices: windows as an ADC on that clock gives them, none of whose samples waits.
        steady = len(chunks.compared(subject, harness, np.resize(subject.rows, STEADY), "steady")[0].label)
    subject.rtl |= {
        "simulator": f"Verilator {verilator.VERSION}",
        "config": subject.engine.config,
        "data": subject.source.kind,
        "windows": len(labels),
        "full": len(labels) == len(subject.windows),
        "all_windows": len(subject.windows),
        "mismatches": 0,  # the first one would have ended the run
        "layers_compared": done[0]["layers"],
        **({"layers_not_written": done[0]["hidden"]} if done[0]["hidden"] else {}),
        "stall_runs": len(stalled),
        "steady_windows": steady,
        "seed": verilator.seed(),
        **cycles,
        "verilog_sha256": subject.design.description["verilog_sha256"],
        "bundle_sha256": subject.bundle.sha256,
        **subject.engine.report,
    }
    return labels, logits


def score(subject: Subject, labels: np.ndarray, logits: np.ndarray) -> None:
    """The hardware's accuracy on the windows that the bundle's training never saw; of sets of labels their F1."""
    if subject.test is None:
        return
    unseen = np.isin(subject.rows, subject.test)
    rows = subject.rows[unseen]
    truth = subject.windows.label
    if subject.task.sets:
        told, kept = (logits[unseen] >= 0) & (labels[unseen] != NO_CALL)[:, None], subject.scored
        names = tuple(subject.task.classes[k] for k in kept)
        found = metrics.multilabel(multilabel.as_sets(truth[rows])[:, kept], told[:, kept], logits[unseen][:, kept], names)
        fold = subject.bundle.training.get("protocol", protocols.BY_TIME)
        subject.rtl["unseen"] = {"fold": fold} | {k: v for k, v in found.items() if k != "per_label"}
        return
    subject.confusion = metrics.score(truth[rows], labels[unseen], subject.task.classes)["confusion"]
    of, training = subject.windows.record[rows], subject.bundle.training
    guessed = metrics.baselines(subject.known.record, subject.known.label, of, truth[rows])
    right = labels[unseen] == truth[rows]
    between = training["protocol"] in honesty.BETWEEN
    subject.rtl["unseen"] = {
        "fold": training.get("fold", training["protocol"]),
        "windows": len(rows),
        "accuracy": round(float(right.mean()), 4),
        "ci95": metrics.over_records(right, of) if between else metrics.wilson(int(right.sum()), len(rows)),
        **{name: round(count / len(rows), 4) for name, count in guessed.items()},
    }


def simulate(subject: Subject, bar) -> None:
    """Everything for one model; any disagreement raises."""
    verilator.prepare()  # changes the environment, so before there are threads
    step = bar.add_task(f"{subject.model}: building simulators", total=2)
    with ThreadPoolExecutor(2) as pool:
        benches = pool.submit(run_benches, subject)
        harness = subject.engine.harness()
        bar.update(step, advance=1)
        run_canaries(subject, harness)
        run_icarus(subject)
        benches.result()
    bar.update(step, advance=1, description=f"{subject.model}: benches, canaries")
    subject.rtl["golden_windows"] = prove_golden(subject, bar)
    labels, logits = run_bulk(subject, harness, bar)
    score(subject, labels, logits)
    subject.activity = harness.activity(subject.samples[subject.few[0]])
    # Unseen windows first: a class's strip is one of them where there is one.
    order = np.argsort(~np.isin(subject.rows, subject.test), kind="stable") if subject.test is not None else slice(None)
    rows, shown = subject.rows[order], [bundles.told(subject.bundle, *of) for of in zip(labels[order], logits[order], strict=True)]
    places = [f"{subject.windows.record[r]} @ {max(subject.windows.start[r], 0) / tasks.RATE:.0f} s" for r in rows]
    path = files.BUILD / subject.model / "strips.png"
    strips.one_a_class(
        path,
        subject.model,
        subject.task,
        subject.samples[rows, subject.words :],
        subject.windows.label[rows],
        shown,
        places,
        tasks.RATE,
        synthetic=subject.source.kind != mitbih.NAME,
    )
    data = {"source": subject.source.kind, "records": len(mitbih.RECORDS)}
    if subject.source.kind != mitbih.NAME:
        data["note"] = "SYNTHETIC ECG: EVERY ACCURACY IS MEANINGLESS"
    report.merge(
        data,
        subject.model,
        task=subject.task.name,
        stored_bytes=bundles.stored_bytes(subject.bundle),
        macs=subject.bundle.network.macs,
        accuracy=subject.bundle.training.get("accuracy", {}),
        **({"rtl": subject.rtl} if subject.engine.config == subject.engine.DEFAULT else {}),
    )
    if subject.engine.config != subject.engine.DEFAULT:
        again = f"make sim MODEL={subject.model} CONFIG={subject.engine.config}" + (" FULL=1" if subject.rtl["full"] else "")
        report.add(subject.model, "configurations", subject.engine.config, subject.rtl | {"command": again})


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Models, comma-separated; default all shipped ones")] = "",
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead of the shipped ones")] = "",
    config: Annotated[str, typer.Option(help="full, another named folding or array, or a JSON file of foldings")] = "full",
    full: Annotated[bool, typer.Option(help="Every window of the tasks")] = False,
) -> None:
    """Simulate trained models on real windows and hold every layer against the integer model."""
    found = source.find()
    names = model.split(",") if model else sorted(networks.MODELS)
    folders = [bundle.locate(None, path)] if path else [bundle.locate(name, None) for name in names]
    subjects = [Subject(folder, config, full, found) for folder in folders]
    with cli.progress() as bar:
        for subject in subjects:
            simulate(subject, bar)
    summary.show(subjects)
    cli.say(f"page:    {summary.page(subjects)}")


if __name__ == "__main__":
    cli.run(app)
