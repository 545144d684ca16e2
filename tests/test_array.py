"""The multi-bit array on Verilator under cocotb, against the numpy machine; the compiler against the graphs' own meaning."""

import numpy as np
import pytest

from hw import verilog
from hw.mac.array import Array
from hw.mac.params import CONFIGS, ArrayParams
from sim.benches import array_cases, programs, runner
from sw import files
from sw.errors import PopbeatError
from sw.export.array import compiler, machine
from sw.export.array.graph import Graph, Multibit, Tensor
from sw.export.array.program import Descriptor, cycles

SMALL = ArrayParams(2, memory=1 << 13, weights=1 << 13, tables=1 << 9, window=1000)
GRAPHS = (programs.row_graph, programs.square_graph)


def compiled(make, seed: int, groups: int = SMALL.groups) -> compiler.Compiled:
    """A random graph on the small array."""
    return compiler.compile_graph(make(np.random.default_rng(seed), SMALL.window), groups, SMALL.half, SMALL.memory)


@pytest.fixture(scope="module")
def bench():
    """The compiled small array."""
    folder = files.BUILD / "array-bench"
    source = files.write_bytes(folder / "bench.v", verilog.convert(Array(SMALL), "mac_array").encode())
    runner.build(source, "mac_array", folder / "verilator")
    return folder / "verilator"


@pytest.fixture(scope="module")
def cases(bench):
    """Programs of random descriptors, and random graphs that went through the compiler."""
    rng = np.random.default_rng(5)
    drawn = [programs.program(rng, SMALL.groups, SMALL.memory, SMALL.window, 5) for _ in range(16)]
    drawn += [compiled(make, seed).program for make in GRAPHS for seed in (1, 2)]
    return array_cases.write(bench / "cases.npz", SMALL, drawn, rng)


@pytest.mark.parametrize("test", ["programs", "gaps", "loads"])
def test_array(bench, cases, test):
    environment = {"POPBEAT_BENCH": str(cases), "COCOTB_TEST_FILTER": rf"\.{test}$"}
    assert runner.run("mac_array", "sim.benches.array", bench, environment, tests=1) == 1


def test_one_wrong_byte_is_caught(bench, cases, tmp_path):
    data = dict(np.load(cases))
    data["writes0"][1, len(data["writes0"][1]) // 2, 2] ^= 1
    np.savez(tmp_path / "wrong.npz", **data)
    environment = {"POPBEAT_BENCH": str(tmp_path / "wrong.npz"), "COCOTB_TEST_FILTER": r"\.programs$"}
    seen = runner.outcome("mac_array", "sim.benches.array", bench, environment)
    assert (seen.ran, seen.failed) == (1, 1)
    assert "1 of" in seen.log


@pytest.mark.parametrize("make", GRAPHS)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("groups", [2, 8])
def test_a_compiled_graph_computes_the_graph(make, seed, groups):
    made = compiled(make, seed, groups)
    windows = np.random.default_rng(seed).integers(-128, 128, (2, SMALL.window))
    memory = np.zeros((2, SMALL.memory), np.uint8)
    memory[:, : SMALL.window] = windows & 0xFF
    seen = machine.run(made.program, memory)
    values, logits = made.graph.run(windows)
    np.testing.assert_array_equal(seen.logits, logits)
    for node, (places, data) in zip(made.nodes, seen.written, strict=True):
        if node.target is not None:
            part = node.target if hasattr(node.target, "tensor") else programs.Slice(node.target)
            order = made.places[part.tensor.name].order if part.tensor.sortable else np.arange(part.count)
            expected = values[part.tensor.name][:, part.channels][:, order]
            np.testing.assert_array_equal(data, expected.reshape(2, -1) & 0xFF, err_msg=node.name)
            assert len(np.unique(places)) == len(places)


def test_a_pruned_base_costs_no_cycle():
    def with_bases(count: int) -> int:
        n = 3 * count
        node = _node(count=np.full(3, count), basis=np.ones((n, 1, 1, 300), np.int8), alpha=np.ones(n, np.int64))
        graph = Graph(node.source, (node,), "one layer")
        return cycles(compiler.compile_graph(graph, SMALL.groups, SMALL.half, SMALL.memory).program)

    one, two, three = map(with_bases, (1, 2, 3))
    positions = 1000 - 300 + 1
    # Three channels of two groups: two blocks of one slot, or one of two.
    assert three - two == two - one == min(2 * -(-positions // 16), -(-positions // 8)) * 301


def _node(**changes) -> Multibit:
    plain = {
        "name": "conv",
        "source": Tensor("input", 1, 1, 1000, signed=True),
        "target": None,
        "count": np.ones(3, np.int64),
        "basis": np.ones((3, 1, 1, 5), np.int8),
        "alpha": np.ones(3, np.int64),
        "bias": np.zeros(3, np.int64),
        "shift": np.zeros(3, np.int64),
    }
    return Multibit(**plain | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stride": (1, 3)}, "strides are 1 or 2"),
        ({"pool": (7, 2), "target": Tensor("a", 3, 1, 495)}, "a pool of 7 with stride 2 can't be mapped"),
        ({"basis": np.ones((3, 2, 1, 5), np.int8)}, "weights fit the 1 channels"),
        ({"basis": np.ones((3, 1, 1, 600), np.int8)}, "taps in one sum"),
        ({"target": Tensor("a", 3, 1, 9000)}, "no room for a"),
        ({"source": Tensor("other", 1, 1, 1000)}, "which nothing has written"),
    ],
)
def test_what_can_not_be_mapped_is_refused(changes, message):
    node = _node(**changes)
    last = [] if node.target is None else [_node(source=node.target, basis=np.ones((3, 3, 1, 1), np.int8))]
    with pytest.raises(PopbeatError, match=message):
        graph = Graph(Tensor("input", 1, 1, 1000, signed=True), (node, *last))
        compiler.compile_graph(graph, SMALL.groups, SMALL.half, SMALL.memory)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"slots": 3}, "channels a group"),
        ({"taps_x": 9000}, "does not fit into its 13 bits"),
        ({"taps_x": 515}, "515 taps in one sum"),
        ({"channels": 0}, "at least one"),
        ({"kind": 2, "table": 1}, "neither pooled nor looked up"),
    ],
)
def test_descriptors_that_make_no_operation(fields, message):
    with pytest.raises(PopbeatError, match=message):
        Descriptor(**fields)


def test_configurations():
    assert {name: params.lanes for name, params in CONFIGS.items()} == {"mac128": 128, "mac64": 64, "mac32": 32, "mac128l": 128}
    assert all(params.name == name for name, params in CONFIGS.items()) and SMALL.name == "mac32"
    with pytest.raises(ValueError, match="powers of two"):
        ArrayParams(3)
    with pytest.raises(PopbeatError, match="take a larger configuration"):
        SMALL.check({"weights": 1 << 20})
