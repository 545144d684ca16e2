"""Folding: how much of each block works at once, and the named configurations of the whole datapath."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from sw import files
from sw.errors import PopbeatError


@dataclass(frozen=True)
class Folding:
    """``pe`` output channels at once; a window spread over ``parts`` steps (SIMD = taps / parts); ``memory``: weights in block
    RAM instead of logic; ``queue``: columns that may wait for the next block, 0 for as many as hide the pipeline's latency."""

    pe: int
    parts: int = 1
    memory: bool = False
    queue: int = 0

    def __post_init__(self):
        for name, least in (("pe", 1), ("parts", 1), ("queue", 0)):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ValueError(f"{name} of a folding is an integer of {least} or more, not {value!r}")
        if type(self.memory) is not bool:
            raise ValueError(f"memory of a folding is true or false, not {self.memory!r}")


@dataclass(frozen=True)
class Config:
    """A folding for each block; ``samples`` that come at once, 1 or 2 (block 1 moves by two); ``others``: foldings of networks with
    another number of blocks."""

    name: str
    blocks: tuple[Folding, ...]
    samples: int = 1
    others: tuple[tuple[Folding, ...], ...] = ()

    def of(self, blocks: int) -> "Config":
        """The configuration for a network with so many blocks; itself where it has none for them."""
        fitting = [folds for folds in self.others if len(folds) == blocks]
        return replace(self, blocks=fitting[0], others=()) if fitting else self

    def __post_init__(self):
        if type(self.samples) is not int or self.samples not in (1, 2):
            raise ValueError(f"samples of a configuration are 1 or 2, not {self.samples!r}")


CONFIGS = {
    config.name: config
    for config in (
        # About 0.98 samples a clock: block 5 works 115 positions x 32 steps = 3,680 cycles a window.
        Config(
            "full",
            (Folding(4), Folding(4), Folding(4), Folding(2), Folding(2, memory=True), Folding(1, parts=2, memory=True)),
            # Of beats: block 3 works 39 positions x 8 steps = 312 cycles a window of 300 samples and 10 words.
            others=((Folding(4), Folding(5), Folding(5), Folding(1)),),
        ),
        # Half the PEs of the large blocks, every weight in logic.
        Config(
            "half",
            (Folding(2), Folding(2), Folding(2), Folding(1), Folding(1), Folding(1)),
            others=((Folding(2), Folding(3), Folding(3), Folding(1)),),
        ),
        # A sample a clock suffices: no block works longer than a window's samples come in. They come in pairs, for one by one
        # block 1 would want two cycles more for its padding.
        Config("sample", (Folding(8), Folding(6), Folding(5), Folding(3), Folding(3), Folding(1, parts=2, memory=True)), samples=2),
        # Two samples a clock: block 5 works 115 positions x 16 steps = 1,840 cycles a window.
        Config(
            "double",
            (Folding(8), Folding(8), Folding(8), Folding(4), Folding(4, memory=True), Folding(1, memory=True)),
            samples=2,
        ),
    )
}

# Names of other tops: a folding's files, and what was measured of it, are called by its name.
RESERVED = re.compile(r"record|tiny|mac[0-9]+l?|.*_guarded")


def get(name: str) -> Config:
    """The configuration called ``name``, or the one in the JSON file of that path: a list with an object for each block, its
    members as of :class:`Folding`; or an object with that list as ``blocks``, and ``samples``."""
    if name in CONFIGS:
        return CONFIGS[name]
    if not name.endswith(".json"):
        raise PopbeatError(f"unknown configuration {name!r}; there are {', '.join(CONFIGS)}, or give a .json file of foldings")
    entries = files.read_json(Path(name), "configuration")
    try:
        whole = entries if isinstance(entries, dict) else {"blocks": entries}
        if unknown := sorted(whole.keys() - {"blocks", "samples"}):
            raise ValueError(f"it has {unknown[0]!r} beside blocks and samples")
        config = Config(Path(name).stem, **whole | {"blocks": tuple(Folding(**entry) for entry in whole["blocks"])})
    except (KeyError, TypeError, ValueError) as error:
        raise PopbeatError(f"configuration {name} is no list of foldings with pe, parts, memory and queue: {error}") from None
    if config.name in CONFIGS or RESERVED.fullmatch(config.name) or not re.fullmatch(r"[a-z0-9_]{1,32}", config.name):
        taken = ", ".join(CONFIGS)
        raise PopbeatError(
            f"configuration {name}: call the file by a lower-case word that is none of {taken}, record, tiny, an array's name, nor "
            "ends with _guarded"
        )
    return config
