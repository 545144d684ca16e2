"""The multi-bit array on Verilator under cocotb, against the numpy machine; the compiler against the graphs' own meaning."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hw.mac.params import CONFIGS, ArrayParams
from sim.benches import array_cases, programs, runner
from sw.errors import PopbeatError
from sw.export.array import compiler, machine
from sw.export.array.graph import GlobalAverage, Graph, Multibit, Slice, Tensor
from sw.export.array.program import LOGITS, SIGNED, Descriptor, Operation, Program, cycles
from sw.export.array.schedule import delayed

SMALL = ArrayParams(2, memory=1 << 13, weights=1 << 13, tables=1 << 9, window=1000)
# Without windows, and with room for one network.
PLAIN = ArrayParams(4, memory=1 << 13, weights=1 << 13, tables=1 << 9, window=1000, windows=False, halves=False)
GRAPHS = (programs.row_graph, programs.square_graph)


def compiled(make, seed: int, groups: int = SMALL.groups, windows: bool = True) -> compiler.Compiled:
    """A random graph on the small array."""
    return compiler.compile_graph(make(np.random.default_rng(seed), SMALL.window), groups, SMALL.half, SMALL.memory, windows)


def drawn(folder: Path, params: ArrayParams) -> Path:
    """Programs of random descriptors, and random graphs that went through the compiler."""
    rng = np.random.default_rng(5)
    made = [programs.program(rng, params, 5) for _ in range(16)]
    made += [compiled(make, seed, params.groups, params.windows).program for make in GRAPHS for seed in (1, 2)]
    return array_cases.write(folder / "cases.npz", params, made, rng)


@pytest.fixture(scope="module", params=[SMALL, PLAIN], ids=lambda params: params.name)
def array(request) -> tuple[ArrayParams, Path, Path]:
    """A compiled array and its cases."""
    folder = array_cases.build(request.param)
    return request.param, folder, drawn(folder, request.param)


@pytest.mark.parametrize("test", ["programs", "gaps", "loads"])
def test_array(array, test):
    _, folder, cases = array
    environment = {"POPBEAT_BENCH": str(cases), "COCOTB_TEST_FILTER": rf"\.{test}$"}
    assert runner.run("mac_array", "sim.benches.array", folder, environment, tests=1) == 1


def test_one_wrong_byte_is_caught(array, tmp_path):
    _, folder, cases = array
    data = dict(np.load(cases))
    data["writes0"][1, len(data["writes0"][1]) // 2, 2] ^= 1
    np.savez(tmp_path / "wrong.npz", **data)
    environment = {"POPBEAT_BENCH": str(tmp_path / "wrong.npz"), "COCOTB_TEST_FILTER": r"\.programs$"}
    seen = runner.outcome("mac_array", "sim.benches.array", folder, environment)
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
    seen = runner.outcome("mac_array", "sim.benches.array", folder, environment)
    assert (seen.ran, seen.failed) == (1, early)
    assert ("operation 2 reads 4144 before operation 1 has written it" in seen.log) == bool(early)


@pytest.mark.parametrize("make", GRAPHS)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("groups", [2, 8])
@pytest.mark.parametrize("windows", [True, False])
def test_a_compiled_graph_computes_the_graph(make, seed, groups, windows):
    made = compiled(make, seed, groups, windows)
    samples = made.program.samples
    images = np.random.default_rng(seed).integers(-128, 128, (2, samples))
    memory = np.zeros((2, SMALL.memory), np.uint8)
    memory[:, :samples] = images & 0xFF
    seen = machine.run(made.program, memory)
    values, logits = made.graph.run(images)
    np.testing.assert_array_equal(seen.logits, logits)
    for each, (places, data) in zip(made.made, seen.written, strict=True):
        assert len(np.unique(places)) == len(places)
        if each.target is not None and each.target.name in values:
            expected = values[each.target.name].reshape(2, each.target.channels, -1)
            # Of which byte of the tensor an address is the place; means go elsewhere.
            of = np.full(SMALL.memory, -1)
            for channel, address in enumerate(made.places[each.target.name].channel):
                if address >= 0:
                    of[address : address + expected.shape[2]] = channel * expected.shape[2] + np.arange(expected.shape[2])
            its = of[places] >= 0
            assert its.any()
            np.testing.assert_array_equal(
                data[:, its], expected.reshape(2, -1)[:, of[places[its]]] & 0xFF, err_msg=each.operation.name
            )


def test_a_pruned_base_costs_no_cycle():
    positions = 1000 - 500 + 1
    layer = Tensor("a", 3, 1, positions)

    def with_bases(count: int) -> int:
        n = 3 * count
        node = _node(count=np.full(3, count), basis=np.ones((n, 1, 1, 500), np.int8), alpha=np.ones(n, np.int64), target=layer)
        last = _node(source=Tensor("b", 1, 1, 1), basis=np.ones((3, 1, 1, 1), np.int8))
        pool = GlobalAverage("mean", Slice(layer, 0, 1), Tensor("b", 1, 1, 1))
        return cycles(
            compiler.compile_graph(Graph(node.source, (node, pool, last)), SMALL.groups, SMALL.half, SMALL.memory).program
        )

    one, two, three = map(with_bases, (1, 2, 3))
    # Three channels of two groups: two blocks of one slot, or one of two.
    assert three - two == two - one == min(2 * -(-positions // 16), -(-positions // 8)) * 500


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
