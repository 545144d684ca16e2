"""The compiler against the graphs' own meaning; what it refuses."""

import numpy as np
import pytest

from sim.benches.mac.small import GRAPHS, SMALL, compiled
from sw.errors import PopbeatError
from sw.export.array import compiler, machine
from sw.export.array.graph import GlobalAverage, Graph, Multibit, Slice, Tensor
from sw.export.array.program import cycles


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
