"""A multi-bit bundle as a graph for the compiler."""

import numpy as np

from sw.export.array.graph import Graph, Multibit, Tensor
from sw.export.multibit import MultibitBundle


def network_graph(bundle: MultibitBundle) -> Graph:
    """The network's layers as operations; the input is the window in Q3.4. Tensors are named ``layer1``, ``layer2``, ..."""
    source = Tensor("input", 1, 1, bundle.network.window, signed=True)
    tensor, nodes = source, []
    for number, (shape, layer) in enumerate(zip(bundle.network.layers, bundle.layers, strict=True), start=1):
        target = Tensor(f"layer{number}", shape.out_channels, 1, shape.pool_length, sortable=True) if shape.relu else None
        nodes.append(
            Multibit(
                name=f"layer {number}",
                source=tensor,
                target=target,
                count=layer.count.astype(np.int64),
                basis=layer.basis[:, :, None, :],
                alpha=layer.alpha.astype(np.int64),
                bias=layer.bias.astype(np.int64),
                shift=layer.shift.astype(np.int64),
                bias_shift=layer.bias_shift,
                stride=(1, shape.stride),
                pad=(0, shape.pad),
                pool=(shape.pool, shape.pool_stride),
            )
        )
        tensor = target
    return Graph(source, tuple(nodes), bundle.model)
