"""What a cocotb bench of a top reads: raw windows and what the integer model says of them."""

from pathlib import Path

import numpy as np

from sim import engines
from sw.export.bundles import Bundle


def of(packed: Bundle, samples: np.ndarray, image: bytes = b"", **more) -> dict:
    """Raw windows ``int16[n, words + window]`` with labels, flat flags and logits of a bundle; ``image``: the network to load, if
    any; ``more`` goes in as it is."""
    trace = engines.trace(packed, samples)
    told = {"samples": samples, "label": trace.label, "flat": trace.flat, "logits": trace.logits}
    return told | {"image": np.frombuffer(image, np.uint8)} | more


def write(path: Path, vectors: dict) -> Path:
    """Write vectors as the file that ``POPBEAT_BENCH`` names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **vectors)
    return path.resolve()
