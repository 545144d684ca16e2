"""Parameters of the QRS detector: lengths in samples, and the widths that follow from them."""

from dataclasses import dataclass
from functools import cached_property

POSITION_BITS = 16


@dataclass(frozen=True)
class QrsParams:
    """Lengths in samples at 360 Hz. ``raw_bits``: of a sample, signed. ``taps``: of a boxcar (even). ``smooth``: of the sum that
    makes the envelope. ``hold``: how long nothing may exceed a peak of the envelope until it is a candidate; beats are at least so
    far apart. ``learning``: from the start, where every larger candidate raises the signal level. ``t_wave``: how long after a
    beat a candidate may be its T wave. ``search_from``: how long after a beat a rejected candidate is not kept for the search-back.
    ``search_limit``: longest wait for a beat before the search-back. ``search_age``: oldest candidate that it takes.
    ``silence``: without a beat for so long, the signal level sinks. ``floor``: least signal level, in units of the envelope.
    ``first_interval``: RR interval that is assumed at the start. ``since_bits``: of the counter of samples since the last beat."""

    raw_bits: int = 12
    taps: int = 10
    smooth: int = 8
    hold: int = 80
    learning: int = 720
    t_wave: int = 192
    search_from: int = 128
    search_limit: int = 560
    search_age: int = 640
    silence: int = 720
    floor: int = 512
    first_interval: int = 300
    since_bits: int = 10

    def __post_init__(self):
        for name, value in vars(self).items():
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} of a QRS detector is a positive integer, not {value!r}")
        if self.taps % 2:
            raise ValueError(f"a boxcar has an even number of taps, not {self.taps}")
        if self.smooth > self.taps * 2:
            raise ValueError(f"the envelope's sum has at most {2 * self.taps} terms, not {self.smooth}")
        longest = max(self.hold + self.t_wave, self.hold + self.search_from, self.search_age, self.search_limit, self.silence)
        if longest >= self.since_limit:
            raise ValueError(f"{longest} samples do not fit into a counter that ends at {self.since_limit}")
        if self.learning >= 1 << POSITION_BITS or self.floor.bit_length() > self.envelope_bits:
            raise ValueError(f"learning of {self.learning} samples or a floor of {self.floor} do not fit")

    @cached_property
    def sum_bits(self) -> int:
        """Bits of a boxcar's sum, signed."""
        return self.raw_bits + (self.taps - 1).bit_length()

    @cached_property
    def magnitude_bits(self) -> int:
        """Bits of the magnitude, unsigned: the slope is at most taps * (2^raw_bits - 1), the peak twice that."""
        step = self.taps * ((1 << self.raw_bits) - 1)
        return ((2 * step + step // 2) >> 1).bit_length()

    @cached_property
    def envelope_bits(self) -> int:
        """Bits of the envelope, unsigned."""
        return (self.smooth * ((1 << self.magnitude_bits) - 1)).bit_length()

    @cached_property
    def settled(self) -> int:
        """Number of the first sample whose envelope has no part before the first sample; before it the envelope counts as 0."""
        return 3 * self.taps - 1 + self.smooth - 1

    @cached_property
    def delay(self) -> int:
        """Samples from an R peak to its peak in the envelope."""
        return 3 * self.taps // 2 - 1 + self.smooth // 2

    @cached_property
    def since_limit(self) -> int:
        """Where the counter of samples since the last beat stays; it begins there, too."""
        return (1 << self.since_bits) - 1

    @cached_property
    def usual_delay(self) -> int:
        """Samples from an R peak to the sample with which it is reported, where no search-back was needed."""
        return self.delay + self.hold

    @cached_property
    def max_delay(self) -> int:
        """The same at most, search-back included."""
        return self.delay + self.search_age
