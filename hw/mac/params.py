"""Parameters of the multi-bit array."""

from dataclasses import dataclass

from sw.errors import PopbeatError
from sw.export.array.program import LANES, WINDOW_TAPS, section_bytes

FLAGS = ("windows", "halves", "images")


@dataclass(frozen=True)
class ArrayParams:
    """``groups`` of :data:`LANES` lanes, a power of two, as is ``memory``.

    ``memory`` bytes of activations; ``weights``, ``alphas``, ``channels``, ``passes``, ``program``, ``tables``: words of each
    parameter memory that one network may fill. ``window`` samples are the input at most; their region begins at address 0 and
    holds two windows, ``half`` bytes apart. ``windows``: each group has inputs of its own. ``halves``: there is room for two
    networks, so that one can be loaded while the other works; without, a load first ends the network before. ``images``: there is
    a front that makes images of beats.
    """

    groups: int = 8
    memory: int = 1 << 15
    weights: int = 9 << 9
    alphas: int = 1 << 9
    channels: int = 1 << 8
    passes: int = 1 << 8
    program: int = 1 << 8
    tables: int = 1 << 8
    window: int = 3600
    classes: int = 32
    windows: bool = True
    halves: bool = True
    images: bool = True

    def __post_init__(self):
        for name, value in vars(self).items():
            if name in FLAGS:
                continue
            if type(value) is not int or value < 2 or (name in ("groups", "memory") and value & (value - 1)):
                raise ValueError(f"{name} of an array is {value!r}; groups and memory are powers of two, all are 2 or more")
        if not 2 <= self.groups <= 8 or self.memory > 1 << 17 or self.memory < 64:
            raise ValueError(f"an array has 2 to 8 groups and 64 to 131072 bytes, not {self.groups} and {self.memory}")
        if 2 * self.half > self.memory:
            raise ValueError(f"two windows of {self.window} samples do not fit into {self.memory} bytes")

    @property
    def lanes(self) -> int:
        """Number of lanes."""
        return self.groups * LANES

    @property
    def name(self) -> str:
        """Its name among :data:`CONFIGS`, or what it has of lanes."""
        return next((name for name, params in CONFIGS.items() if params == self), f"mac{self.lanes}")

    @property
    def half(self) -> int:
        """Bytes from the first input buffer to the second: whole rows of the memory."""
        return -(-self.window // 32) * 32

    @property
    def bus(self) -> int:
        """Bytes that the memory reads at once for the lanes."""
        return LANES + WINDOW_TAPS - 1 if self.windows else LANES

    def depth(self, section: str) -> int:
        """Words of a section."""
        return getattr(self, section)

    def check(self, sizes: dict[str, int]) -> None:
        """Raise :class:`PopbeatError` where a network's sections, in words, don't fit."""
        for name, words in sizes.items():
            if words > self.depth(name):
                raise PopbeatError(
                    f"the network has {words} words of {name} and this array room for {self.depth(name)}; "
                    "take a larger configuration"
                )


def _sized(groups: int) -> ArrayParams:
    """An array with the same room for a network, whatever its number of lanes: fewer groups, more words."""
    share = 8 // groups
    return ArrayParams(
        groups, weights=share * (9 << 9), alphas=share << 9, channels=share << 8, passes=share << 8, windows=False, images=False
    )


# All three networks, on an ECP5-85F.
LARGE = ArrayParams(
    memory=1 << 16,
    weights=12 << 12,
    alphas=1 << 12,
    channels=1 << 11,
    passes=1 << 11,
    program=1 << 11,
    window=4096,
    halves=False,
)
CONFIGS = {f"mac{LANES * groups}": _sized(groups) for groups in (8, 4, 2)} | {"mac128l": LARGE}

__all__ = ["CONFIGS", "LARGE", "ArrayParams", "section_bytes"]
