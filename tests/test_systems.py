"""The networks that come later: reconstructed as published, mapped onto the array, equal to their graphs."""

import numpy as np
import pytest

from sw.errors import PopbeatError
from sw.export.array import compiler, forecast, machine, systems
from sw.export.array.graph import Graph, MaxPool, Multibit, Tensor


def test_published_sizes():
    assert systems.macs(systems.lamscn()) == 6_465_224
    assert systems.macs(systems.gasf()) == 20_039_232
    attention = sum(n.basis.size * n.conv_width for n in systems.gasf().nodes if n.name.endswith("gates"))
    assert round((20_039_232 - attention) / 1e6, 2) == 20.02  # the published number leaves attention out


@pytest.mark.parametrize("name", systems.SYSTEMS)
def test_the_array_computes_the_graph(name):
    graph = systems.SYSTEMS[name]()
    samples = graph.source.height * graph.source.width
    half = -(-samples // 32) * 32
    made = compiler.compile_graph(graph, 8, half, 1 << 17)
    window = np.random.default_rng(3).integers(-128, 128, (1, samples))
    memory = np.zeros((1, 1 << 17), np.uint8)
    memory[:, :samples] = window & 0xFF
    seen = machine.run(made.program, memory)
    values, logits = graph.run(window)
    np.testing.assert_array_equal(seen.logits, logits)
    assert len(np.unique(logits)) > 1
    # Nothing saturates throughout, or vanishes, on the way: then a fault would not reach the logits.
    spread = [np.unique(v).size for n, v in values.items() if not n.endswith(("gates", "open"))]
    assert min(spread) > 10


def test_a_padded_pool_of_int8_is_refused():
    x = Tensor("input", 1, 1, 64, signed=True)
    node = MaxPool("pool", x, Tensor("pooled", 1, 1, 32, signed=True), 3, 2, across=True, pad=1)
    last = Multibit("out", node.target, None, *(np.ones(1, np.int64), np.ones((1, 1, 1, 32), np.int8)), *[np.ones(1, np.int64)] * 3)
    with pytest.raises(PopbeatError, match="pool: uint8 alone is padded"):
        compiler.compile_graph(Graph(x, (node, last)), 2, 64, 1024)


def test_the_stored_page_is_the_compiler_s():
    assert forecast.PAGE.read_text() == forecast.page(forecast.compiled()), f"run {forecast.COMMAND}"
