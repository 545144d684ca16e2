"""The cycle model of the datapath: when each column moves and each position starts, exactly.

Nothing in the datapath depends on data, so its timing is a set of "not before" rules, each of them a line below; a cycle is the
largest of a few earlier ones plus a constant. Latency and interval are read off the result, and the simulation must equal them.
"""

from dataclasses import dataclass

from sw.networks import POOL


@dataclass(frozen=True)
class Stage:
    """One block: input columns and positions a window, columns that the first position waits for and that each further one
    needs, steps a position, latency of a one-step position, places in the output queue."""

    length: int
    positions: int
    first: int
    stride: int
    steps: int
    latency: int
    queue: int


@dataclass(frozen=True)
class Prediction:
    """Cycle numbers for each window: its first sample's transfer into block 1, and its header's offer."""

    first_sample: list[int]
    header: list[int]

    @property
    def latency(self) -> int:
        """Of an isolated window: first normalised sample to class."""
        return self.header[0] - self.first_sample[0]

    @property
    def intervals(self) -> list[int]:
        """Cycles between the classes of windows back to back."""
        return [b - a for a, b in zip(self.header, self.header[1:], strict=False)]


class _Block:
    """State of one block while the model runs; mirrors SlidingWindow and Sequencer."""

    def __init__(self, stage: Stage, last: bool):
        self.stage, self.last = stage, last
        self.column = self.position = 0
        self.need = stage.first
        self.full = False
        self.busy = 0  # steps still to come after this cycle
        self.credits = 1 if last else stage.queue
        self.ready = True
        self.offers: list[int] = []  # cycles from which each column of the output queue may be taken
        self.given = 0
        self.started_last: list[int] = []


def predict(stages: list[Stage], head_latency: int, send_cycles: int, windows: int) -> Prediction:
    """Run the model for ``windows`` windows; the source always has a sample and the sink always takes a beat."""
    blocks = [_Block(stage, number == len(stages) - 1) for number, stage in enumerate(stages)]
    source = windows * stages[0].length
    first_sample, header = [], []
    frees: list[int] = []
    cycle = 0
    while len(header) < windows:
        moves = []
        for number, block in enumerate(blocks):
            stage = block.stage
            beyond = block.column == stage.length
            if number == 0:
                offered = source > 0
            else:
                offers = blocks[number - 1].offers
                offered = bool(offers) and offers[0] <= cycle
            shift = not block.full and (beyond or offered)
            completes = shift and block.need == 1
            starts = (block.full or completes) and block.ready
            moves.append((shift, beyond, completes, starts))
        for number, block in enumerate(blocks):
            stage, (shift, beyond, completes, starts) = block.stage, moves[number]
            if shift:
                block.need -= 1
                if not beyond:
                    block.column += 1
                    if number == 0:
                        if source % stage.length == 0:
                            first_sample.append(cycle)
                        source -= 1
                    else:
                        blocks[number - 1].offers.pop(0)
                        blocks[number - 1].given += 1
            if completes:
                block.full = True
            block.busy = max(block.busy - 1, 0)
            takes = False
            if starts:
                end = block.position == stage.positions - 1
                pools = block.position >= POOL - 1 and block.position % 2 == 0
                ready_at = cycle + stage.steps - 1 + stage.latency
                if block.last:
                    takes = end
                    if end:
                        header.append(ready_at + head_latency)
                        frees.append(header[-1] + send_cycles)
                else:
                    takes = pools
                    if pools:
                        block.offers.append(ready_at)
                block.full = False
                block.busy = stage.steps
                block.need = stage.first if end else stage.stride
                block.position = 0 if end else block.position + 1
                if end:
                    block.column = 0
            block.credits -= takes
        for block in blocks:
            if block.last:
                if frees and frees[0] == cycle:
                    frees.pop(0)
                    block.credits += 1
            else:
                block.credits += block.given
                block.given = 0
            block.ready = block.busy <= 1 and block.credits > 0
        cycle += 1
    return Prediction(first_sample, header)
