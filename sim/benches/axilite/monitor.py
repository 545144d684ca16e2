"""What an AXI4-Lite subordinate's channels do, cycle by cycle: what is offered stays, and nobody is answered unasked."""

from cocotb.triggers import FallingEdge

PAYLOADS = {"aw": ("addr", "prot"), "w": ("data", "strb"), "b": ("resp",), "ar": ("addr", "prot"), "r": ("data", "resp")}
ANSWERED_AFTER = 2  # cycles from the last half of a request that was taken to its answer


class Monitor:
    """Watches the bus ``<prefix>_*`` of ``dut`` when it is started; ``taken`` counts transfers by channel."""

    def __init__(self, dut, prefix: str):
        self.dut = dut
        names = [f"{channel}{name}" for channel, payload in PAYLOADS.items() for name in ("valid", "ready", *payload)]
        self.signals = {name: getattr(dut, f"{prefix}_{name}") for name in names}
        self.taken = dict.fromkeys(PAYLOADS, 0)
        self.waiting: dict[str, tuple] = {}
        self.asked = {"b": [], "r": []}  # cycles in which the halves of the request under way were taken
        self.cycle = 0

    def value(self, name: str) -> int:
        """A signal of the bus, by its name without the prefix."""
        return int(self.signals[name].value)

    async def run(self) -> None:
        """Watch without end."""
        while True:
            await FallingEdge(self.dut.clk)
            self.cycle += 1
            if int(self.dut.rst.value):
                self.waiting, self.asked = {}, {"b": [], "r": []}
                continue
            for channel, names in PAYLOADS.items():
                self._channel(channel, names)

    def _channel(self, channel: str, names: tuple[str, ...]) -> None:
        """One channel in one cycle."""
        valid = self.value(f"{channel}valid")
        if not valid and channel not in self.waiting:
            return
        ready = self.value(f"{channel}ready")
        offered = tuple(self.value(f"{channel}{name}") for name in names) if valid else None
        before = self.waiting.pop(channel, None)
        assert before is None or offered == before, f"{channel} changed from {before} to {offered} while it waited"
        if channel in self.asked and valid and before is None:
            halves = self.asked[channel]
            assert len(halves) == (2 if channel == "b" else 1), f"{channel} answers nobody: {halves}"
            assert self.cycle - max(halves) == ANSWERED_AFTER, f"{channel}: {self.cycle - max(halves)} cycles"
        if valid and ready:
            self.taken[channel] += 1
            if channel in self.asked:
                self.asked[channel] = []
            else:
                self.asked["r" if channel == "ar" else "b"].append(self.cycle)
        elif valid:
            self.waiting[channel] = offered
