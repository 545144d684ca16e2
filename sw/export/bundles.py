"""Bundles of either kind."""

from pathlib import Path

from sw import files
from sw.export import bundle, multibit

Bundle = bundle.Bundle | multibit.MultibitBundle


def read(folder: Path | str) -> Bundle:
    """Read and check a bundle of either kind; every fault is a :class:`PopbeatError` naming the file and the value."""
    path = Path(folder) / "bundle.json"
    graph = files.read_json(path, "bundle") if path.is_file() else {}
    network = graph.get("network") if isinstance(graph, dict) else None
    kind = network.get("kind") if isinstance(network, dict) else None
    return multibit.read(folder) if kind == multibit.KIND else bundle.read(folder)


def stored_bytes(packed: Bundle) -> int:
    """Every stored bit of the network, in bytes."""
    return len((multibit if isinstance(packed, multibit.MultibitBundle) else bundle).pack(packed))
