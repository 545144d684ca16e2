"""The cycle model of the tiny engine: nothing in it depends on data, so each window takes its time, and the simulation must equal
it."""

from dataclasses import dataclass

from hw.binary.schedule import Prediction


@dataclass(frozen=True)
class Timing:
    """``window`` samples; ``summed``: last one taken to its sums' offer; ``scale``: sums taken to scale offered; from a window's
    start: ``normalised`` (first normalised sample), ``first`` (block 1 is through), ``header`` (offered by the head), ``idle``
    (the packet has left, the next window may start); ``step`` cycles a position of block 1, ``positions`` of them."""

    window: int
    summed: int
    scale: int
    normalised: int
    first: int
    header: int
    idle: int
    step: int
    positions: int

    def reads(self, since: int) -> bool:
        """Whether block 1 reads a sample so many cycles behind the start; then none can be taken in."""
        return 0 < since <= self.step * self.positions and (since - 1) % self.step != self.step - 1


def predict(timing: Timing, windows: int) -> Prediction:
    """Run the model for ``windows`` windows; the source always has a sample and the sink always takes a beat."""
    started, left, index = [], windows * timing.window, 0
    whole = busy = False
    sums = scale = None  # cycles from which they are offered
    cycle = 0
    while len(started) < windows or busy:
        if not busy and scale is not None and cycle >= scale:
            started.append(cycle)
            busy = True
        since = cycle - started[-1] if busy else 0
        takes = left and not whole and not timing.reads(since)
        if sums is not None and cycle >= sums and scale is None:
            scale, sums, whole = cycle + timing.scale, None, False
        if takes:
            left -= 1
            index += 1
            if index == timing.window:
                index, whole, sums = 0, True, cycle + timing.summed
        if busy and since == timing.first:
            scale = None
        if busy and since == timing.idle - 1:
            busy = False
        cycle += 1
    return Prediction([s + timing.normalised for s in started], [s + timing.header for s in started])
