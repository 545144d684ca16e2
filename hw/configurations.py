"""Configurations of binary networks by name: a folding of the streaming datapath, or the tiny engine."""

from pathlib import Path

from hw.beats import top as beat_top
from hw.binary import folding
from hw.binary import top as full_top
from hw.binary.datapath import DatapathParams
from hw.tiny import params as tiny
from hw.tiny import top as tiny_top
from sw.errors import PopbeatError
from sw.export.bundle import Bundle

Config = folding.Config | tiny.TinyConfig
Params = DatapathParams | tiny.TinyParams


def get(name: str) -> Config:
    """The configuration called ``name``: ``tiny``, or what :func:`hw.binary.folding.get` knows."""
    if name == tiny.NAME:
        return tiny.TinyConfig()
    if name not in folding.CONFIGS and not name.endswith(".json"):
        known = ", ".join((*folding.CONFIGS, tiny.NAME))
        if name == beat_top.NAME:
            raise PopbeatError(f"{name!r} is a top of its own, which make beats simulates; classifiers have {known}")
        raise PopbeatError(f"unknown configuration {name!r}; there are {known}, or give a .json file of foldings")
    if Path(name).stem == tiny.NAME:
        raise PopbeatError(f"configuration {name}: {tiny.NAME!r} is the tiny engine; call the file by another word")
    return folding.get(name)


def parameters(packed: Bundle, config: Config) -> Params:
    """The hardware of a bundle in a configuration."""
    if isinstance(config, tiny.TinyConfig) and packed.network.rhythm:
        raise PopbeatError(f"the tiny engine takes no rhythm bits, and {packed.model} needs them; use CONFIG=full or half")
    return (tiny.TinyParams if isinstance(config, tiny.TinyConfig) else DatapathParams)(packed, config)


def top(params: Params) -> full_top.Top:
    """The top of these parameters."""
    return (tiny_top.TinyTop if isinstance(params, tiny.TinyParams) else full_top.Top)(params)


def cycles(params: Params) -> full_top.Cycles:
    """Its exact cycles."""
    return (tiny_top if isinstance(params, tiny.TinyParams) else full_top).cycles(params)
