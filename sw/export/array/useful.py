"""How many additions of the lanes are useful: those of an unpruned base on an input that is no padding, for a result that is
kept."""

import numpy as np

from sw.export.array.graph import Multibit, Node, _all


def additions(node: Node) -> int:
    """Weight-basis additions on inputs that are no padding, over the positions that the pool looks at."""
    if not isinstance(node, Multibit):
        return 0
    tensor = _all(node.source).tensor
    inside = np.pad(np.ones((tensor.height, tensor.width), np.int64), ((node.pad[0],) * 2, (node.pad[1],) * 2))
    views = np.lib.stride_tricks.sliding_window_view(inside, node.basis.shape[2:])[:: node.stride[0], :: node.stride[1]]
    return int(views[:, : positions(node)].sum()) * len(node.basis) * node.basis.shape[1]


def positions(node: Multibit) -> int:
    """Positions of a row that the pool looks at."""
    return (node.out_width - 1) * node.pool[1] + node.pool[0]
