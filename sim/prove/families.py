"""All properties, family by family."""

from sim.prove import arithmetic, binary, guarding, loading, scale, streams, tops, windows, writing
from sim.prove.scene import Property

FAMILIES = {
    "streams": streams.PROPERTIES,
    "binary": binary.PROPERTIES,
    "windows": windows.PROPERTIES,
    "arithmetic": arithmetic.PROPERTIES,
    "scale": scale.PROPERTIES,
    "loading": loading.PROPERTIES,
    "writing": writing.PROPERTIES,
    "guarding": guarding.PROPERTIES,
    "tops": tops.PROPERTIES,
}
ALL: tuple[Property, ...] = tuple(one for family in FAMILIES.values() for one in family)


def chosen(words: str) -> tuple[Property, ...]:
    """Properties of a family of this name, or whose names have ``words`` in them; all where there are none."""
    return FAMILIES.get(words) or tuple(one for one in ALL if words in one.name)
