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

    def start(self, cycle: int) -> int | None:
        """A position starts. Returns the cycle in which a window is through with it, for the last position of the last block; other
        blocks offer the column that ends here to the next one."""
        stage = self.stage
        end = self.position == stage.positions - 1
        ready_at = cycle + stage.steps - 1 + stage.latency
        if self.last:
            self.credits -= end
        elif self.position >= POOL - 1 and self.position % 2 == 0:
            self.offers.append(ready_at)
            self.credits -= 1
        self.full = False
        self.busy = stage.steps
        self.need = stage.first if end else stage.stride
        self.position = 0 if end else self.position + 1
        if end:
            self.column = 0
        return ready_at if end and self.last else None


class _Model:
    """All blocks with the source, which always has a sample, and the head behind them, whose sink always takes a beat."""

    def __init__(self, stages: list[Stage], head_latency: int, send_cycles: int, windows: int):
        self.blocks = [_Block(stage, number == len(stages) - 1) for number, stage in enumerate(stages)]
        self.head_latency, self.send_cycles = head_latency, send_cycles
        self.source = windows * stages[0].length
        self.first_sample: list[int] = []
        self.header: list[int] = []
        self.frees: list[int] = []  # cycles in which the head has sent a packet

    def moves(self, cycle: int) -> list[tuple[bool, bool, bool]]:
        """What happens in each block: a column comes in, the window is full with it, a position starts. Beyond the input's end
        columns come without an offer."""
        moves = []
        offered = self.source > 0
        for block in self.blocks:
            shift = not block.full and (block.column == block.stage.length or offered)
            completes = shift and block.need == 1
            starts = (block.full or completes) and block.ready
            moves.append((shift, completes, starts))
            offered = bool(block.offers) and block.offers[0] <= cycle
        return moves

    def take(self, number: int, cycle: int) -> None:
        """A block's next column comes in, from the source or the block before."""
        block = self.blocks[number]
        if number == 0:
            if self.source % block.stage.length == 0:
                self.first_sample.append(cycle)
            self.source -= 1
        else:
            self.blocks[number - 1].offers.pop(0)
            self.blocks[number - 1].given += 1
        block.column += 1

    def move(self, cycle: int) -> None:
        """A cycle of all blocks."""
        moves = self.moves(cycle)
        for number, block in enumerate(self.blocks):
            shift, completes, starts = moves[number]
            if shift:
                block.need -= 1
                if block.column != block.stage.length:
                    self.take(number, cycle)
            if completes:
                block.full = True
            block.busy = max(block.busy - 1, 0)
            if starts and (through := block.start(cycle)) is not None:
                self.header.append(through + self.head_latency)
                self.frees.append(self.header[-1] + self.send_cycles)
        for block in self.blocks:
            if block.last and self.frees and self.frees[0] == cycle:
                self.frees.pop(0)
                block.credits += 1
            block.credits += block.given
            block.given = 0
            block.ready = block.busy <= 1 and block.credits > 0


def predict(stages: list[Stage], head_latency: int, send_cycles: int, windows: int) -> Prediction:
    """Run the model for ``windows`` windows; the source always has a sample and the sink always takes a beat."""
    model, cycle = _Model(stages, head_latency, send_cycles, windows), 0
    while len(model.header) < windows:
        model.move(cycle)
        cycle += 1
    return Prediction(model.first_sample, model.header)
