"""What is proved, and of what: a component among free inputs, with assertions about it."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from amaranth.asserts import AnyConst, AnySeq
from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, Elaboratable, Fragment, Module, Signal, Value
from amaranth.lib.wiring import Component

from sim.prove import cut
from sim.prove.faults import Fault

TOP = "scene"


class Inside:
    """The signals in a component that are not its ports, by their names: ``inside["valid"]``, in its part ``queue``
    ``inside["queue.valid"]``. Of those that share a name, as all do that were given none (``$signal``), ``inside["$signal:3"]`` is
    the one that was made as the fourth."""

    def __init__(self, fragment: Fragment, ports: frozenset[int] = frozenset()):
        self.fragment, self.ports = fragment, ports

    def state(self, name: str, fsm: str = "fsm_state") -> Value:
        """Whether a state machine is in the state of this name."""
        signal = self[fsm]
        for number in range(1 << len(signal)):
            with contextlib.suppress(KeyError):  # of a number without a state
                if signal.decoder(number).split("/")[0] == name:
                    return signal == number
        raise KeyError(f"{fsm} has no state {name}")

    def __getitem__(self, path: str) -> Signal:
        *parts, name = path.split(".")
        fragment = self.fragment
        for part in parts:
            (fragment,) = (child for child, called, _ in fragment.subfragments if called == part)
        driven = [s for statements in fragment.statements.values() for s in statements._lhs_signals()]
        name, _, place = name.partition(":")
        found = {s.duid: s for s in driven if s.name == name and id(s) not in self.ports}
        if place and int(place) < len(found):
            return found[sorted(found)[int(place)]]
        if len(found) != 1:
            raise KeyError(f"{len(found)} signals are called {path}; there are {sorted(s.name for s in driven)}")
        return next(iter(found.values()))


class Scene(Elaboratable):
    """A module under proof. All of its inputs are free, reset among them: it may come at any time. ``hunts``: a counterexample is
    looked for, and hints where to are followed."""

    def __init__(self, hunts: bool = False):
        self.m, self.claims, self.hunts = Module(), 0, hunts

    def elaborate(self, platform) -> Module:
        return self.m

    def free(self, shape, name: str) -> Signal:
        """An input that may have another value in each cycle."""
        signal = Signal(shape, name=name)
        self.m.d.comb += Value.cast(signal).eq(AnySeq(len(Value.cast(signal))))
        return signal

    def constant(self, shape, name: str) -> Signal:
        """An input of any value that stays."""
        signal = Signal(shape, name=name)
        self.m.d.comb += Value.cast(signal).eq(AnyConst(len(Value.cast(signal))))
        return signal

    def drive(self, *inputs: Value) -> None:
        """Leave these inputs of a component free."""
        for number, value in enumerate(inputs):
            value = Value.cast(value)
            self.m.d.comb += value.eq(self.free(len(value), f"free{number}_{getattr(value, 'name', '')}"))

    def add(
        self, component: Component, name: str = "part", family: str | None = None, keep: tuple[str, ...] | None = None
    ) -> Inside:
        """Put a component into the scene, as it is made for an FPGA ``family``; with ``keep`` these parts of it alone, what all
        others put out being free (:func:`sim.prove.cut.alone`)."""
        fragment = Fragment.get(component, family) if keep is None else cut.alone(component, keep, family)
        self.m.submodules[name] = fragment
        return Inside(fragment, frozenset(id(Value.cast(value)) for _, _, value in component.signature.flatten(component)))

    def claim(self, condition: Value) -> None:
        """This holds in every cycle: ``claim0``, ``claim1``, ... in waveforms, in the order of the claims."""
        holds = Signal(name=f"claim{self.claims}", init=1)
        self.claims += 1
        self.m.d.comb += [holds.eq(Value.cast(condition).any()), Assert(holds)]

    def suppose(self, condition: Value) -> None:
        """Only inputs for which this holds in every cycle are looked at."""
        self.m.d.comb += Assume(condition)

    def hint(self, condition: Value) -> None:
        """Where a planted fault will show: a counterexample is looked for only where this holds. No proof knows of it."""
        if self.hunts:
            self.suppose(condition)

    def before(self, value: Value, name: str, init: int = 0) -> Signal:
        """``value`` of the cycle before, ``init`` after reset."""
        value = Value.cast(value)
        signal = Signal(len(value), name=name, init=init)
        self.m.d.sync += signal.eq(value)
        return signal


@dataclass(frozen=True)
class Property:
    """A sentence about a component that a solver proves.

    ``name``: ``<component>: <short>``. ``says``: the sentence, for people. ``build``: fills a scene. ``faults``: mistakes in the
    component's source; with each of them the solver must find a counterexample. ``depth``: cycles that are looked at from reset;
    ``unbounded``: then, by induction over as many cycles, for all times. Without registers there is one cycle and no more.
    ``reach``: cycles from reset within which faults must show, if not in ``depth``.
    ``seconds``: the solver's limit for each question. ``quick``: also a test's.
    """

    name: str
    says: str
    build: Callable[[Scene], None]
    faults: tuple[Fault, ...]
    depth: int = 1
    unbounded: bool = True
    reach: int = 0
    solver: str = "yices"
    seconds: int = 300
    quick: bool = False

    def __post_init__(self):
        if not self.faults:
            raise ValueError(f"{self.name} has no fault that breaks it")
        if self.depth < 1:
            raise ValueError(f"{self.name} looks at {self.depth} cycles; at least 1")


def text(property_: Property, hunts: bool = False) -> str:
    """The scene of a property as RTLIL: the same text for the same gateware; where it ``hunts``, with the hints."""
    scene = Scene(hunts)
    property_.build(scene)
    return rtlil.convert(scene, name=TOP, ports=[], emit_src=False)
