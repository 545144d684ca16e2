"""What came before, for sentences that speak of it."""

from amaranth.hdl import Signal, Value

from sim.prove.scene import Scene


def history(scene: Scene, value: Value, moves: Value, length: int, name: str) -> list[Signal]:
    """The last values that came where ``moves``, the latest first."""
    held, latest = [], value
    for k in range(length):
        held.append(Signal.like(value, name=f"{name}{k}", reset_less=True))
        with scene.m.If(moves):
            scene.m.d.sync += held[-1].eq(latest)
        latest = held[-1]
    return held
