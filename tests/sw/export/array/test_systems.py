"""The networks that come later: reconstructed as published, mapped onto the array, equal to their graphs."""

from dataclasses import replace

import numpy as np
import pytest

from docs.generate import cycles as page
from hw.mac.params import LARGE
from sw.errors import PopbeatError
from sw.export.array import compiler, machine, systems
from sw.export.array.graph import Graph, MaxPool, Multibit, Tensor
from sw.export.array.program import cycles


def test_published_sizes():
    assert systems.macs(systems.lamscn()) == 6_465_224
    assert systems.macs(systems.gasf()) == 20_039_232
    attention = sum(n.basis.size * n.conv_width for n in systems.gasf().nodes if n.name.endswith("gates"))
    assert round((20_039_232 - attention) / 1e6, 2) == 20.02  # the published number leaves attention out


@pytest.mark.parametrize("name", systems.SYSTEMS)
def test_the_array_computes_the_graph(name):
    graph = systems.SYSTEMS[name]()
    samples = graph.source.height * graph.source.width
    made = compiler.compile_graph(graph, LARGE.groups, LARGE.half, LARGE.memory)
    window = np.random.default_rng(3).integers(-128, 128, (1, samples))
    memory = np.zeros((1, LARGE.memory), np.uint8)
    memory[:, :samples] = window & 0xFF
    seen = machine.run(made.program, memory)
    values, logits = graph.run(window)
    np.testing.assert_array_equal(seen.logits, logits)
    assert len(np.unique(logits)) > 1
    # Nothing saturates throughout, or vanishes, on the way: then a fault would not reach the logits.
    spread = [np.unique(v).size for n, v in values.items() if not n.endswith(("gates", "open"))]
    assert min(spread) > 10


# Of pointwise convolutions and the stem, and of depthwise ones, a base a channel each; and the rest.
STUDY = {"lamscn": (1_367, 48_624, 6_864), "gasf": (31_874, 148_531, 19_328)}
BUSY = {"lamscn": 0.80, "gasf": 0.72}


def with_bases(graph: Graph, dense: int, depthwise: int) -> Graph:
    """The graph with so many bases a channel; that of the gates stays."""

    def changed(node):
        if not isinstance(node, Multibit) or len(node.count) == 1 or node.target is None:
            return node
        many = depthwise if node.depthwise else dense
        more = {"count": many * node.count, "basis": np.repeat(node.basis, many, 0), "alpha": np.repeat(node.alpha, many)}
        return replace(node, **more)

    return Graph(graph.source, tuple(map(changed, graph.nodes)), graph.name)


@pytest.mark.parametrize("name", systems.SYSTEMS)
@pytest.mark.parametrize(("dense", "depthwise"), [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_lanes_are_as_busy_as_the_study_of_the_array_said(name, dense, depthwise):
    graph = with_bases(systems.SYSTEMS[name](), dense, depthwise)
    made = compiler.compile_graph(graph, LARGE.groups, LARGE.half, LARGE.memory)
    rest, by_dense, by_depthwise = STUDY[name]
    assert cycles(made.program) <= 1.1 * (rest + dense * by_dense + depthwise * by_depthwise)
    if (dense, depthwise) == (1, 1):
        assert made.utilisation >= BUSY[name]


def test_a_padded_pool_of_int8_is_refused():
    x = Tensor("input", 1, 1, 64, signed=True)
    node = MaxPool("pool", x, Tensor("pooled", 1, 1, 32, signed=True), 3, 2, across=True, pad=1)
    last = Multibit("out", node.target, None, *(np.ones(1, np.int64), np.ones((1, 1, 1, 32), np.int8)), *[np.ones(1, np.int64)] * 3)
    with pytest.raises(PopbeatError, match="pool: uint8 alone is padded"):
        compiler.compile_graph(Graph(x, (node, last)), 2, 64, 1024)


def test_the_stored_page_is_the_compiler_s():
    assert page.PAGE.read_text() == page.page(page.compiled()), f"run {page.COMMAND}"
