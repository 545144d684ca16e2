"""The multi-bit array on Verilator under cocotb, against the numpy machine."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hw.mac.params import ArrayParams
from sim.benches import runner
from sim.benches.mac import array_cases, programs, small
from sim.benches.mac.small import PLAIN, SMALL
from sw.export.array.program import LOGITS, SIGNED, Descriptor, Operation, Program
from sw.export.array.schedule import delayed


@pytest.fixture(scope="module", params=[SMALL, PLAIN], ids=lambda params: params.name)
def array(request) -> tuple[ArrayParams, Path, Path]:
    """A compiled array and its cases: all of them for one, and for the other, which is a part of it, each fourth program."""
    folder = array_cases.build(request.param)
    return request.param, folder, small.cases(folder, request.param, 1 if request.param is SMALL else 4)


@pytest.mark.parametrize("test", small.TESTS)
def test_array(array, test):
    _, folder, cases = array
    environment = {"POPBEAT_BENCH": str(cases), "COCOTB_TEST_FILTER": rf"\.{test}$"}
    assert runner.run("mac_array", "sim.benches.mac.array", folder, environment, tests=1) == 1


@pytest.fixture(scope="module")
def hosts(array) -> tuple[Path, Path]:
    """A compiled array and the mistakes of its host."""
    params, folder, _ = array
    return folder, small.mistakes(folder, params, 40 if params is SMALL else 10)


@pytest.mark.parametrize("test", small.HOSTS)
def test_a_host_that_makes_mistakes(hosts, test):
    folder, cases = hosts
    environment = {"POPBEAT_BENCH": str(cases), "COCOTB_TEST_FILTER": rf"\.{test}$"}
    assert runner.run("mac_array", "sim.benches.mac.hosts", folder, environment, tests=1) == 1


def test_one_wrong_byte_is_caught(array, tmp_path):
    _, folder, cases = array
    data = dict(np.load(cases))
    data["writes0"][1, len(data["writes0"][1]) // 2, 2] ^= 1
    np.savez(tmp_path / "wrong.npz", **data)
    environment = {"POPBEAT_BENCH": str(tmp_path / "wrong.npz"), "COCOTB_TEST_FILTER": r"\.programs$"}
    seen = runner.outcome("mac_array", "sim.benches.mac.array", folder, environment)
    assert (seen.ran, seen.failed) == (1, 1)
    assert "1 of" in seen.log


@pytest.mark.parametrize("early", [0, 1])
def test_a_byte_read_a_cycle_too_early_is_caught(array, early):
    params, folder, _ = array
    one = {"weights": (np.ones((1, params.groups, 1), np.int8),), "bias": np.zeros(1, np.int64), "shift": np.zeros(1, np.int64)}
    one["alphas"] = (np.ones((1, params.groups), np.int64),)
    plain = {"kind": SIGNED, "in_signed": 1, "width": 64}
    copy = Operation(Descriptor(out_w=64, out_base=4096, out_chan=64, input=1, **plain), **one, name="copy")
    # Its first read is of the last bytes that the copy writes.
    tail = Operation(Descriptor(in_base=4096 + 48, out_w=16, out_base=2048, out_chan=16, **plain), **one, name="tail")
    rng = np.random.default_rng(1)
    logits = Descriptor(in_base=2048, width=4, taps_x=4, channels=5, kind=LOGITS, in_signed=1, end=1)
    made = delayed([copy, tail, programs.parameters(rng, logits, params.groups, "logits")], params.groups, params.memory)
    delay = made[1].descriptor.delay
    assert delay > 40
    made[1] = replace(made[1], descriptor=replace(made[1].descriptor, delay=delay - early))
    program = Program(params.groups, tuple(made), samples=900)
    cases = array_cases.write(folder / "early.npz", params, [program], rng)
    environment = {"POPBEAT_BENCH": str(cases), "COCOTB_TEST_FILTER": r"\.programs$"}
    seen = runner.outcome("mac_array", "sim.benches.mac.array", folder, environment)
    assert (seen.ran, seen.failed) == (1, early)
    assert ("operation 2 reads 4144 before operation 1 has written it" in seen.log) == bool(early)
