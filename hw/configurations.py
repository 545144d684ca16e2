"""Configurations of binary networks by name: a folding of the streaming datapath, or the tiny engine; each with a guard, too."""

from pathlib import Path

from hw.beats import top as beat_top
from hw.binary import folding
from hw.binary import top as full_top
from hw.binary.datapath import DatapathParams
from hw.guard import top as guard_top
from hw.tiny import params as tiny
from hw.tiny import top as tiny_top
from sw.errors import PopbeatError
from sw.export.bundle import Bundle

Config = folding.Config | tiny.TinyConfig | guard_top.GuardedConfig
Params = DatapathParams | tiny.TinyParams | guard_top.GuardedParams

NAMES = (*folding.CONFIGS, tiny.NAME)  # of those without a guard


def get(name: str) -> Config:
    """The configuration called ``name``: ``tiny``, or what :func:`hw.binary.folding.get` knows; of those with a name also
    ``<name>_guarded``."""
    if (inner := name.removesuffix(guard_top.SUFFIX)) in NAMES and inner != name:
        return guard_top.GuardedConfig(get(inner))
    if name == tiny.NAME:
        return tiny.TinyConfig()
    if name not in NAMES and not name.endswith(".json"):
        known = ", ".join(NAMES)
        if name == beat_top.NAME:
            raise PopbeatError(f"{name!r} is a top of its own, which make beats simulates; classifiers have {known}")
        raise PopbeatError(
            f"unknown configuration {name!r}; there are {known}, each also with {guard_top.SUFFIX!r} behind it, or give a .json "
            "file of foldings"
        )
    if Path(name).stem == tiny.NAME:
        raise PopbeatError(f"configuration {name}: {tiny.NAME!r} is the tiny engine; call the file by another word")
    return folding.get(name)


def parameters(packed: Bundle, config: Config, checked: bool = False) -> Params:
    """The hardware of a bundle in a configuration; ``checked``: with parity of its constants, as behind a guard."""
    if isinstance(config, guard_top.GuardedConfig):
        inner = parameters(packed, config.inner, checked=True)
        return guard_top.GuardedParams(inner, cycles(inner))
    if isinstance(config, tiny.TinyConfig) and packed.network.rhythm:
        raise PopbeatError(f"the tiny engine takes no rhythm bits, and {packed.model} needs them; use CONFIG=full or half")
    return (tiny.TinyParams if isinstance(config, tiny.TinyConfig) else DatapathParams)(packed, config, checked)


def top(params: Params) -> full_top.Top | guard_top.GuardedTop:
    """The top of these parameters."""
    if isinstance(params, guard_top.GuardedParams):
        return guard_top.GuardedTop(params, top(params.inner))
    return (tiny_top.TinyTop if isinstance(params, tiny.TinyParams) else full_top.Top)(params)


def datapath(params: Params) -> tuple[str, ...]:
    """The names of the parts that lead to the datapath within the top of these parameters."""
    return ("classifier", "datapath") if isinstance(params, guard_top.GuardedParams) else ("datapath",)


def cycles(params: Params) -> full_top.Cycles:
    """Its exact cycles."""
    if isinstance(params, guard_top.GuardedParams):
        return params.cycles
    return (tiny_top if isinstance(params, tiny.TinyParams) else full_top).cycles(params)
