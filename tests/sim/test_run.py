"""The commands, as a user types them, on a shipped bundle."""

import html
import json
import os
import runpy
import subprocess
import sys

import numpy as np
import pytest
import wfdb

from sim import canary, compare, engines, run, summary
from sim.bulk import chunks
from sim.subject import Subject
from sw import files
from sw.data import mitbih, source, synthetic
from sw.errors import PopbeatError
from sw.export import bundle
from tests.sim.test_page import fetched
from tests.test_make import make


def command(*arguments: str, **environment) -> subprocess.CompletedProcess:
    call = [sys.executable, "-m", *arguments]
    return subprocess.run(call, cwd=files.ROOT, capture_output=True, text=True, env=dict(os.environ) | environment)


def command_here(capsys, monkeypatch, *arguments: str) -> subprocess.CompletedProcess:
    """The same in this process, which has its libraries already."""
    monkeypatch.setattr(sys, "argv", list(arguments))
    monkeypatch.delitem(sys.modules, arguments[0], raising=False)
    with pytest.raises(SystemExit) as end:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    told = capsys.readouterr()
    return subprocess.CompletedProcess(arguments, end.value.code, told.out, told.err)


def written_canary(subject) -> str:
    """What the first canary said, as a page holds it."""
    return html.escape(subject.rtl["canaries"][0])


@pytest.fixture(scope="module")
def subject(recordings):
    """A network and a tenth of its windows, of every class: the software takes a minute for all fifteen hundred of ``make
    sim``, once as integers and once in PyTorch."""
    made = Subject(bundle.SHIPPED / "bnn5", "full", False, recordings)
    classes = np.unique(made.windows.label[made.rows])
    made.rows = made.rows[:: max(1, len(made.rows) // 150)]
    assert np.array_equal(np.unique(made.windows.label[made.rows]), classes)
    return made


def test_simulation_of_a_shipped_bundle(subject, monkeypatch, tmp_path):
    """make sim for bnn5: benches, canaries, golden model, windows of every class; the report says what was compared."""
    from sw import report

    monkeypatch.setattr(report, "REPORT", tmp_path / "report.json")
    run.simulate(subject, NoBar())
    summary.show([subject])
    text = summary.page([subject]).read_text()
    assert "cycle by cycle" in text and "data:image/png" in text and written_canary(subject) in text and not fetched(text)
    # The timeline is the RTL's: a sample a cycle into the first block, columns of the last one before the result.
    active = subject.activity
    assert list(active) == ["normaliser", *[f"block {k}" for k in range(1, 7)], "head"]
    assert len(active["normaliser"]) == 3600 and (np.diff([active[name][0] for name in active]) > 0).all()
    assert int(active["head"][0] - active["normaliser"][0]) + 1 >= subject.rtl["latency_cycles"]
    written = json.loads((tmp_path / "report.json").read_text())["models"]["bnn5"]["rtl"]
    assert written["windows"] == len(subject.rows) >= 50
    assert written["layers_compared"] == 9
    assert written["benches"] >= 9
    assert written["canary_caught"] and len(written["canaries"]) == 3
    assert written["golden_windows"] == len(subject.rows)
    assert (files.BUILD / "bnn5" / "strips.png").stat().st_size > 10_000


def test_a_cluster_says_what_this_machine_says(subject, monkeypatch):
    """The same windows as jobs of a campaign; a worker with another bundle refuses; a folding of one's own stays here."""
    from sw import campaign

    harness = subject.engine.harness()
    monkeypatch.setattr(subject, "rows", subject.few)
    monkeypatch.setattr(chunks, "WINDOWS", 4)
    here = chunks.bursts(subject, harness, NoBar())
    assert [len(chunk["labels"]) for chunk in here] == [4, 2] and here[0]["intervals"] == [subject.cycles.interval]

    def other_process(jobs, bar, what):
        return [json.loads(campaign.executor()(job.function, json.loads(json.dumps(job.arguments)))) for job in jobs]

    monkeypatch.setenv("SCHEDULER", "tcp://somewhere:1")
    monkeypatch.setattr(campaign, "run", other_process)
    monkeypatch.setattr(chunks, "_compiled", lambda model, config: (subject, harness))
    assert chunks.bursts(subject, harness, NoBar()) == here
    job = chunks._job(subject, subject.rows)
    with pytest.raises(PopbeatError, match="other inputs than the campaign"):
        chunks.chunk(**job.arguments | {"inputs": job.arguments["inputs"] | {"bundle_sha256": "another"}})
    monkeypatch.setattr(subject, "named", False)
    monkeypatch.setattr(campaign, "run", None)
    assert chunks.bursts(subject, harness, NoBar()) == here
    # The canary: a worker that expects one other logit.
    trace = engines.trace
    monkeypatch.setattr(engines, "trace", lambda packed, samples: canary.flip_logit(trace(packed, samples)))
    with pytest.raises(compare.Mismatch, match="logits"):
        chunks.chunk(**job.arguments)


def test_a_golden_model_of_another_network_is_noticed(subject, monkeypatch):
    parameters = bundle.read_golden(subject.folder)
    parameters["blocks.3.norm.bias"] = parameters["blocks.3.norm.bias"] + 1
    monkeypatch.setattr(bundle, "read_golden", lambda folder: parameters)
    with pytest.raises(compare.Mismatch, match="golden logits"):
        run.prove_golden(subject, NoBar())


class NoBar:
    """A progress bar that nobody sees."""

    def add_task(self, *arguments, **named):
        return 0

    def update(self, *arguments, **named):
        pass


def test_a_comparison_that_always_agrees_is_found_out(subject, monkeypatch):
    monkeypatch.setattr(subject, "rows", subject.few)  # all of them are compared above
    monkeypatch.setattr(compare, "equal", lambda name, hardware, model: 0)
    with pytest.raises(canary.CanaryMissed):
        run.prove_golden(subject, NoBar())


@pytest.fixture
def foreign(tmp_path):
    """A record at 250 Hz with 16 bits, no MLII, a flat part from 19 to 31 s and missing samples: 45 seconds."""
    rate, seconds = 250, 45
    time = np.arange(rate * seconds) / rate
    ecg = 9000 * np.exp(-0.5 * (((time % 0.8) - 0.4) / 0.02) ** 2) + 200 * np.sin(2 * np.pi * 0.2 * time)
    ecg[rate * 19 : rate * 31] = 500
    values = ecg.round().astype(np.int64)
    values[100:110] = -32768
    wfdb.wrsamp(
        "foreign",
        fs=rate,
        units=["mV"],
        sig_name=["II"],
        d_signal=values[:, None],
        fmt=["16"],
        adc_gain=[1000],
        baseline=[0],
        write_dir=str(tmp_path),
    )
    return tmp_path / "foreign"


def test_classify_any_record(foreign):
    done = command("sim.classify", "--record", str(foreign), "--model", "bnn5")
    assert done.returncode == 0, done.stderr
    for notice in ("has no MLII", "250 Hz and is resampled", "marked missing", "do not change", "by halving", "left out"):
        assert notice in done.stderr.replace("\n", " "), notice
    places = (files.BUILD / "classified-records").glob("foreign_II_bnn5_????????/windows.json")
    (folder,) = [p.parent for p in places if json.loads(p.read_text())["path"] == str(foreign)]
    windows = json.loads((folder / "windows.json").read_text())["windows"]
    assert len(windows) == 4
    assert [w["class"] for w in windows].count("no call") == 1  # the flat part fills the third window
    shares = {"missing": 0.0, "flat": 1.0, "clipped": 0.0, "faulty": 1.0}
    expected = {"window": 2, "sample": 5000, "seconds": 20.0, "class": "no call", "margin": None, "deviation": 0.1}
    assert windows[2] == expected | shares
    assert (windows[0]["missing"], windows[1]["flat"], windows[3]["flat"]) == (0.004, 0.1, 0.1)
    assert (folder / "windows.csv").read_text().count("\n") == 5
    assert (folder / "strips.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sim.classify", "--record", "none/100"], "record not found"),
        (["sim.classify", "--record", "none/100", "--model", "bnn6"], "unknown model 'bnn6'"),
        (["sim.run", "--model", "bnn6"], "unknown model 'bnn6'"),
        (["sim.run", "--bundle", "none"], "bundle not found"),
        (["sim.run", "--config", "fast"], "unknown configuration 'fast'"),
        (["sim.waves", "--window", "100000"], "WINDOW=100000"),
        (["sim.waves", "--window", "999:1"], "no window of record '999'"),
        (["hw.generate", "--config", "none.json"], "configuration not found"),
        (["sw.training.train", "--folds", "7"], "FOLDS is"),
        (["sw.training.train", "--model", "bnnbeat5", "--protocol", "comparable"], "leave PROTOCOL=comparable out"),
        (["hw.board.replay", "--record", "200", "--rate", "250"], "RATE=250 has no meaning for record 200"),
        (["hw.explore", "--calibrate", "--cycles", "9000"], "CYCLES has no meaning for CALIBRATE=1"),
        (["sw.training.train", "--epochs", "-1"], "EPOCHS=-1 must be 1 or more, or 0"),
        (["sw.training.train", "--model", "gasf5", "--folds", "2"], "leave FOLDS=2 out"),
        (["sw.training.levers", "--seeds", "abc"], "SEED=abc must be different numbers"),
        (["sim.classify", "--record", ","], "RECORD=, names no recording"),
        (["sim.classify", "--record", "none/100", "--to", "0:00"], "FROM=0 is not before TO=0:00"),
        (["sw.training.train", "--model", "alq17", "--folds", "7"], "FOLDS is"),
        (["sim.run", "--model", "alq17", "--config", "half"], "unknown configuration 'half'; the array has mac128"),
        (["hw.generate", "--model", "alq17", "--config", "mac1"], "unknown configuration 'mac1'"),
        (["hw.fpga.measure", "--device", "artix"], "unknown device 'artix'"),
        (["hw.fpga.measure", "--device", "ice40-up5k"], "does not fit ice40-up5k; binary networks in the configuration 'tiny' do"),
        (["hw.board.bitstream", "--board", "icebreaker", "--model", "bnnbeat5"], "does not fit ice40-up5k; an ECP5 has room"),
        (["hw.board.bitstream", "--board", "icebreaker", "--model", "alq17"], "alq17 in configuration 'mac128' does not fit ice40"),
        (
            ["hw.board.bitstream", "--board", "ulx3s-25f", "--model", "lamscn17"],
            "114 of 56 block RAMs (204 %); a larger device has",
        ),
        (
            ["hw.board.bitstream", "--model", "gasf5", "--config", "mac128"],
            "no front that makes them; take mac128l; arrays that hold it",
        ),
        (["hw.fpga.measure", "--model", "lamscn17", "--config", "mac64"], "in a memory of 32768 bytes; take an array with more"),
        (["hw.board.bitstream", "--config", "double"], "one sample at a time, and 'double' takes two"),
        (["hw.board.bitstream", "--model", "bnnbeat5", "--config", "full"], "raw samples, and 'full' wants words"),
        (["hw.board.bitstream", "--board", "ulx3s-25f", "--config", "record"], "can't stand behind the QRS detector"),
        (["sim.run", "--model", "bnnbeat5", "--config", "record"], "a top of its own, which make beats simulates"),
        (["hw.board.bitstream", "--board", "arty"], "unknown board 'arty'"),
        (["hw.board.bitstream", "--mhz", "110"], "a multiple of the board's 25 MHz"),
        (["hw.board.replay", "--port", "/dev/none"], "serial port '/dev/none' can't be opened"),
        (["sim.gate.netlist", "--device", "ice40-up5k"], "does not fit ice40-up5k"),
        (["sim.gate.netlist", "--model", "bnnbeat5", "--config", "record"], "the bench of netlists is that of a classifier"),
        (["sw.training.curve", "--model", "bnn17"], "no multi-bit model; there are alq17"),
    ],
)
def test_errors_are_one_line_and_status_2(arguments, message, recordings, capsys, monkeypatch):
    # Gateware that was made and not used warns when it is collected, so those commands have a process of their own.
    apart = arguments[0].startswith(("hw.", "sim.gate"))
    done = command(*arguments) if apart else command_here(capsys, monkeypatch, *arguments)
    assert done.returncode == 2
    assert message in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
    assert [line.startswith("error:") for line in done.stderr.splitlines()].count(True) == 1
    # Without recordings the notice of the synthetic ones comes first.
    assert done.stderr.startswith("error:") or recordings.kind == synthetic.KIND


def test_wrong_data_folder_is_an_error(tmp_path):
    done = command("sim.run", POPBEAT_DATA=str(tmp_path / "none"))
    assert done.returncode == 2
    assert "POPBEAT_DATA names" in done.stderr


def test_help_explains(capsys, monkeypatch):
    for module in (
        "sim.run",
        "sim.waves",
        "sim.classify",
        "docs.generate.pages",
        "hw.generate",
        "sw.training.train",
        "sw.training.curve",
        "docs.generate.cycles",
        "sw.data.folds",
        "sim.widths",
        "sim.gate.netlist",
        "hw.fpga.measure",
        "hw.board.bitstream",
        "hw.board.replay",
        "sim.detect",
        "sim.beats",
        "sw.training.levers",
        "sim.explore",
        "hw.explore.__main__",
    ):
        done = command_here(capsys, monkeypatch, module, "--help")
        assert done.returncode == 0
        assert "Usage" in done.stdout


def test_make_lists_its_targets():
    done = make()
    assert done.returncode == 0
    for target in ("sim", "test", "train", "verilog", "classify", "report", "lint", "clean"):
        assert f"make {target}" in done.stdout


def test_recordings_are_real_where_they_are(recordings):
    shared = files.ROOT.parent / "shared" / "data" / "mitdb"
    if shared.is_dir() and not source.missing(shared):
        assert recordings.kind == mitbih.NAME
