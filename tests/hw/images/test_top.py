"""Raw recordings through detector, cutter and a small network of images on a small array in Verilator, against the integers."""

import json
from dataclasses import replace

import numpy as np
import pytest
import wfdb
from amaranth.sim import Simulator
from typer.testing import CliRunner

from docs.generate import beats as beat_tables
from hw import verilog
from hw.images import top as image_top
from hw.mac import design
from hw.mac.loader import HEADER_BYTES, Status
from sim import beats as command
from sim import canary, classify
from sim.bulk import record as bulk
from sim.compare import Mismatch
from sim.records import beats as of_record
from sw import files, honesty
from sw.beats import chain
from sw.data import beats
from sw.errors import PopbeatError
from sw.export import bundles
from sw.export.array.program import image
from sw.export.binary.integer import NO_CALL
from tests.arrays import PARAMS, network
from tests.hw.spoiled_beats import must_be_noticed


@pytest.fixture(scope="module")
def bundle():
    """A small network of images with random weights."""
    return network(2, True)


@pytest.fixture(scope="module")
def harness(bundle):
    """The top with it, compiled."""
    return bulk.ImageRecordHarness(bundle, PARAMS, files.BUILD / "image-record-test")


def stretch(recordings, record: str, count: int) -> np.ndarray:
    """The first samples of a record."""
    return recordings.signal(record, beats.lead(recordings, record))[:count]


# 208: many ventricular beats; 232: pauses. Their positions come round in three minutes without a beat.
@pytest.mark.parametrize(("record", "mode"), [("208", "burst"), ("232", "random")])
def test_every_beat_is_that_of_the_integers(harness, bundle, recordings, record, mode):
    signal = stretch(recordings, record, 12_000)
    if record == "232":
        signal = np.concatenate([signal[:6_000], np.full(70_000, signal[6_000]), signal[6_000:]])
    expected = chain.run(bundle, signal)
    assert len(expected.position) > 30
    assert (np.diff(expected.position).max() > 1 << 16) == (record == "232")
    assert len(np.unique(expected.logits, axis=0)) > 0.6 * len(expected.logits)  # the network looks at its input
    # Samples come far faster than the array works: they wait, and none is lost.
    assert bulk.check(harness.run(signal, mode), expected) == len(expected.position)


def test_wrong_beats_are_noticed(harness, bundle, recordings):
    signal = stretch(recordings, "208", 4_000)
    seen, expected = harness.run(signal), chain.run(bundle, signal)
    must_be_noticed(bulk.check, seen, expected)
    with pytest.raises(Mismatch, match="beats came out"):
        bulk.check_first(seen, expected, len(seen.position) + 1)


def test_the_first_beats_of_a_recording(harness, bundle, recordings, monkeypatch):
    signal = stretch(recordings, "208", 12_000)
    expected = chain.run(bundle, signal)
    samples = bulk.first_beats(harness, signal, expected, 4)
    assert len(samples) < len(signal)
    seen = harness.stretch(samples)
    assert 4 <= bulk.check_first(seen, expected, 4) < len(expected.position)
    assert "logits: 1 of" in bulk.canary_logit(seen, expected, 4)
    monkeypatch.setattr(bulk, "equal", lambda name, hardware, model: 0)
    with pytest.raises(canary.CanaryMissed):
        bulk.canary_logit(seen, expected, 4)


@pytest.mark.parametrize("mode", ["burst", "random"])
def test_a_network_is_exchanged_between_two_beats(harness, bundle, recordings, mode):
    """No beat is lost and each is told by one whole network, while beats wait for the array."""
    other, signal = network(5, True), stretch(recordings, "208", 6_000)
    old, new = chain.run(bundle, signal), chain.run(other, signal)
    data = image(design.compile_bundle(other, PARAMS).program)
    seen, first, status = harness.exchanged(chain.whole(bundle, signal), 2_500, data, mode)
    count = len(old.position)
    assert status == Status.LOADED and 2 < first < count - 2
    told = chain.Labelled(*(np.concatenate([getattr(k, f)[part] for k, part in ((old, slice(first)), (new, slice(first, count)))])
                            for f in ("position", "label", "logits")))  # fmt: skip
    assert bulk.check(seen, told) == count
    assert not np.array_equal(old.logits[first:], new.logits[first:])


@pytest.mark.parametrize("kind", ["window", "damaged"])
def test_what_is_refused_tells_no_beat(harness, bundle, recordings, kind):
    """A network of windows is refused before it touches the one at work; a damaged one has ended it: beats wait then."""
    signal = stretch(recordings, "208", 6_000)
    expected = chain.run(bundle, signal)
    data = bytearray(image(design.compile_bundle(network(1, False) if kind == "window" else bundle, PARAMS).program))
    data[-1] ^= kind == "damaged"
    samples = chain.whole(bundle, signal)
    if kind == "damaged":
        with pytest.raises(PopbeatError, match="no progress"):
            harness.exchanged(samples, 2_500, bytes(data))
        return
    seen, first, status = harness.exchanged(samples, 2_500, bytes(data))
    assert status == Status.FRONT and first == len(expected.position)
    assert bulk.check(seen, expected) == first


@pytest.mark.parametrize("count", [1, HEADER_BYTES - 1])
def test_a_load_that_is_given_up_before_its_header_has_come_stops_no_beat(harness, bundle, recordings, count):
    signal = stretch(recordings, "208", 6_000)
    expected = chain.run(bundle, signal)
    seen, first, status = harness.exchanged(chain.whole(bundle, signal), 2_500, harness.image, bytes_sent=count)
    assert status == Status.LOADED and first == len(expected.position)
    assert bulk.check(seen, expected) == first


def test_the_gate_takes_a_load_for_given_up_after_its_time_and_not_before():
    """Bytes that come a cycle before it count as one load; a cycle later beats may begin, and a further byte waits until none is
    under way."""
    quiet = image_top.SETTLE
    gate = image_top.Gate(quiet)
    simulator = Simulator(gate)
    simulator.add_clock(1e-6)

    async def drive(ctx):
        async def send(last):
            ctx.set(gate.c_axis.valid, 1)
            ctx.set(gate.c_axis.payload.last, last)
            for _ in range(3):
                if ctx.get(gate.c_axis.ready):
                    break
                assert not ctx.get(gate.open)
                await ctx.tick()
            assert ctx.get(gate.c_axis.ready) and ctx.get(gate.array.valid)
            await ctx.tick()
            ctx.set(gate.c_axis.valid, 0)

        async def closed(cycles):
            for _ in range(cycles):
                assert not ctx.get(gate.open) and ctx.get(gate.c_axis.ready)
                await ctx.tick()

        for signal in gate.array.ready, gate.loaded, gate.idle:
            ctx.set(signal, 1)
        assert ctx.get(gate.open)
        for _ in range(3):
            await send(last=0)
            await closed(quiet - 1)
        await send(last=0)
        await closed(quiet)
        assert ctx.get(gate.open)  # given up
        ctx.set(gate.idle, 0)
        ctx.set(gate.c_axis.valid, 1)
        for _ in range(5):
            assert not ctx.get(gate.open) and not ctx.get(gate.c_axis.ready)
            await ctx.tick()
        ctx.set(gate.idle, 1)
        await send(last=0)
        ctx.set(gate.loaded, 0)  # the array has ended its network: beats wait for a whole load, whatever it takes
        await closed(5 * quiet)
        await send(last=1)
        ctx.set(gate.loaded, 1)
        for _ in range(image_top.SETTLE):
            assert not ctx.get(gate.open) and not ctx.get(gate.c_axis.ready)
            await ctx.tick()
        assert ctx.get(gate.open)

    simulator.add_testbench(drive)
    simulator.run()


def test_a_flat_line_has_no_beats_and_a_flat_beat_no_call(harness, bundle):
    signal = np.full(3_000, 17, np.int16)
    assert bulk.check(harness.run(signal), chain.run(bundle, signal)) == 0
    label, logits = chain.label(bundle, signal, np.array([500, 1_000]))
    assert label.tolist() == [NO_CALL, NO_CALL]
    assert chain.Labelled(np.array([500, 1_000]), label, logits).symbols(tuple("NSV")).tolist() == ["Q", "Q"]


def test_verilog_with_ports_and_image(bundle, harness):
    home = harness.verilog.parent
    before, stem = harness.verilog.read_bytes(), image_top.stem(bundle, PARAMS)
    path, name = image_top.generate(bundle, PARAMS, folder=home)
    assert path.read_bytes() == before and f"module {name}(" in before.decode()
    described = json.loads((home / f"{stem}.json").read_text())
    assert described["verilog_sha256"] == verilog.digest(before.decode())
    assert described["image_sha256"] == files.sha256_file(home / f"{stem}.image") == files.sha256(harness.image)
    names = {port["name"] for port in described["ports"]}
    assert {"s_axis_tdata", "c_axis_tdata", "c_axis_tlast", "m_axis_tlast", "status", "loaded"} <= names
    assert "s_axis_tlast" not in names and described["output"]["beats"] == 5


def test_what_can_not_stand_behind_the_detector(bundle):
    with pytest.raises(PopbeatError, match="takes no images of beats"):
        image_top.parameters(network(1, False))
    with pytest.raises(PopbeatError, match="does not classify beats"):
        chain.run(network(1, False), np.zeros(100, np.int16))
    with pytest.raises(PopbeatError, match="has no front that makes them"):
        image_top.generate(bundle, replace(PARAMS, images=False))
    done = CliRunner().invoke(command.app, ["--model", "bnn17"])
    assert isinstance(done.exception, PopbeatError) and "does not classify beats" in str(done.exception)


def test_scores_that_are_not_between_patients_are_called_so():
    assert "NOT BETWEEN PATIENTS" in honesty.caution("gasf5", "comparable") and "random split" in honesty.caution(
        "gasf5", "comparable"
    )
    assert "between patients" in honesty.caution("gasf5", "inter-patient")
    assert "NOT" not in honesty.caution("gasf5", "inter-patient")
    assert "NOTHING IS KNOWN" in honesty.caution("other", None)
    rtl = {"records": 22, "whole": False, "samples": 9, "beats": 440, "mismatches": 0, "simulator": "V", "verilog_sha256": "1" * 64}
    figures = {"protocol": "comparable", "command": "make beats", "gross": {"ec57": {}, "whole": {}}, "rtl": rtl}
    text = beat_tables.end_to_end({"end_to_end_gasf5": figures}, "gasf5")
    assert text.startswith("**NOT BETWEEN PATIENTS") and "the first beats of 22 records" in text
    assert "make beats MODEL=gasf5 FULL=1" in beat_tables.end_to_end({}, "gasf5")


def test_classify_beats_of_any_record(harness, bundle, recordings, tmp_path, monkeypatch):
    """A record of another rate: every beat is told, the first of them on the simulated hardware."""
    signal = stretch(recordings, "208", 8_000)[::2].astype(np.int64)
    wfdb.wrsamp(
        "half", 180, ["mV"], ["II"], d_signal=signal[:, None], fmt=["16"], adc_gain=[200], baseline=[0], write_dir=str(tmp_path)
    )
    bundles.write(bundle, tmp_path / "small")
    monkeypatch.setattr(bulk, "harness", lambda packed: harness)
    monkeypatch.setattr(files, "BUILD", tmp_path)
    monkeypatch.setattr(of_record, "RTL_BEATS", 5)
    done = CliRunner().invoke(classify.app, ["--record", str(tmp_path / "half"), "--bundle", str(tmp_path / "small")])
    assert done.exit_code == 0, done.exception
    (folder,) = (tmp_path / "classified-records").glob("half_II_small_????????")
    told = json.loads((folder / "beats.json").read_text())
    assert len(told["beats"]) == told["beats_found"] > 15 and 5 <= told["simulated_beats"] < 15
    assert sum(beat["simulated"] for beat in told["beats"]) == told["simulated_beats"]
    assert {beat["class"] for beat in told["beats"]} <= {"a", "b", "c"}
    assert told["rate_hz"] == 180 and all(abs(beat["sample"] / 180 - beat["seconds"]) < 0.01 for beat in told["beats"])
    assert (folder / "beats.csv").read_text().count("\n") == len(told["beats"]) + 1
    assert (folder / "minutes.png").stat().st_size > 10_000
    assert f"the first {told['simulated_beats']} of {told['beats_found']} beats went through" in done.output.replace("\n", " ")
    flat = np.zeros((4_000, 1), np.int64)
    wfdb.wrsamp("flat", 360, ["mV"], ["II"], d_signal=flat, fmt=["16"], adc_gain=[200], baseline=[0], write_dir=str(tmp_path))
    done = CliRunner().invoke(classify.app, ["--record", str(tmp_path / "flat"), "--bundle", str(tmp_path / "small")])
    assert isinstance(done.exception, PopbeatError) and "no beat was found" in str(done.exception)
