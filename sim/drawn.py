"""Small networks and windows at random, for benches and campaigns: the same seed gives the same ones."""

from dataclasses import replace

import numpy as np

from sw.export.bundle import Bundle, Head
from sw.export.front.normaliser import NormaliserSpec
from sw.networks import MULTIPLE_BITS, BinaryNetwork, Rhythm


def random_bundle(
    seed: int, channels=(3, 4, 2), window: int = 61, thresholds: str = "middle", rhythm: Rhythm | None = None
) -> Bundle:
    """A small network of random integers. ``thresholds``: 'middle' of each block's range, 'extremes' (always, never and the ends),
    or 'any'."""
    rng = np.random.default_rng(seed)
    network, spec = BinaryNetwork(tuple(channels), window, rhythm), NormaliserSpec(window=window)
    weights = tuple(rng.choice(np.array([-1, 1], np.int8), (b.out_channels, b.in_channels, b.kernel)) for b in network.blocks)
    drawn = []
    for i, block in enumerate(network.blocks[:-1]):
        reach = block.taps << (spec.z_bits - 1)
        low, high = (-reach, reach + 1) if i == 0 else (0, block.taps + 1)
        middle = (600, 500) if i == 0 else (block.taps // 2 + 2, 2)
        value = {
            "middle": rng.integers(middle[0] - middle[1], middle[0] + middle[1] + 1, block.out_channels),
            "extremes": rng.choice([low, low + 1, high - 1, high], block.out_channels),
            "any": rng.integers(low, high + 1, block.out_channels),
        }[thresholds]
        drawn.append(value.astype(np.int32))
    pads = tuple(rng.integers(0, 2, b.in_channels).astype(np.uint8) for b in network.blocks[1:])
    constants = [rng.integers(-8192, 8192, channels[-1]).astype(np.int32) for _ in range(3)]
    names = tuple(f"c{k}" for k in range(channels[-1]))
    head = Head(*constants, 3)
    if rhythm and rhythm.head:
        of_bits = rng.integers(-128, 128, (channels[-1], rhythm.bits)).astype(np.int32)
        head = Head(*constants, 3, of_bits, 11)
        if rhythm.hidden:
            count = len(rhythm.comparisons)
            hidden = rng.choice(np.array([-1, 1], np.int8), (rhythm.hidden, count))
            head = replace(head, hidden=hidden, hidden_threshold=rng.integers(1, count + 1, rhythm.hidden).astype(np.int32))
    return Bundle("random", "rhythm-17", names, network, weights, tuple(drawn), pads, head, spec)


def random_rhythm(
    seed: int, block: int, words: int, comparisons: int, marks: tuple[int, ...] = (), head: bool = False, hidden: int = 0
) -> Rhythm:
    """Comparisons of random words, the constant one among them, with small and large multiples."""
    rng = np.random.default_rng(seed)
    drawn = [(*rng.integers(0, words + 1, 2).tolist(), int(rng.integers(1, 1 << MULTIPLE_BITS))) for _ in range(comparisons)]
    return Rhythm(block, words, tuple(drawn), marks, head, hidden)


def random_windows(seed: int, count: int, window: int) -> np.ndarray:
    """Raw windows: noise, steps, constants and the ends of the range."""
    rng = np.random.default_rng(seed)
    out = rng.integers(-2048, 2048, (count, window))
    out[1::4] = np.cumsum(rng.integers(-9, 10, out[1::4].shape), axis=1)
    out[2::4] = rng.integers(-2048, 2048, out[2::4].shape[:1])[:, None]
    out[3::4] = np.where(rng.random(out[3::4].shape) < 0.5, -2048, 2047)
    return np.clip(out, -2048, 2047).astype(np.int16)
