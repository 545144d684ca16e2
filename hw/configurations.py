"""Configurations of binary networks by name: a folding of the streaming datapath, or the tiny engine."""

from hw import top
from hw.binary import folding
from hw.binary.datapath import DatapathParams
from hw.tiny import params as tiny
from hw.tiny import top as tiny_top
from sw.export.bundle import Bundle

Config = folding.Config | tiny.TinyConfig
Params = DatapathParams | tiny.TinyParams


def get(name: str) -> Config:
    """The configuration called ``name``: ``tiny``, or what :func:`hw.binary.folding.get` knows."""
    return tiny.TinyConfig() if name == tiny.NAME else folding.get(name)


def parameters(packed: Bundle, config: Config) -> Params:
    """The hardware of a bundle in a configuration."""
    return (tiny.TinyParams if isinstance(config, tiny.TinyConfig) else DatapathParams)(packed, config)


def build(params: Params) -> tuple[top.Top, top.Cycles]:
    """The top of these parameters, and its exact cycles."""
    if isinstance(params, tiny.TinyParams):
        return tiny_top.TinyTop(params), tiny_top.cycles(params)
    return top.Top(params), top.cycles(params)
