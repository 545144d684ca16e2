"""What benches look at inside the detector."""

from amaranth.hdl import Module, Signal, Value


def tap(m: Module, name: str, value, moves) -> None:
    """Registers ``tap_<name>`` and ``tap_<name>_moves`` that follow a value and when it counts, a cycle later. Nothing reads them,
    so that synthesis leaves them out; registers keep their names in Verilog."""
    followed = Signal(len(Value.cast(value)), name=f"tap_{name}", reset_less=True)
    counts = Signal(name=f"tap_{name}_moves")
    m.d.sync += [followed.eq(value), counts.eq(moves)]
