"""A part of a design alone: what all others put out is left free. What holds of it then holds whatever the others do."""

from amaranth.asserts import AnySeq
from amaranth.hdl import Fragment, Instance, MemoryInstance, Module, Value
from amaranth.lib import wiring

from sw.errors import PopbeatError


def _split(fragment: Fragment, keep: tuple[str, ...], cut: list[Fragment], path: str = "") -> None:
    """Move the parts that are not in ``keep``, nor lead to one that is, from ``fragment`` to ``cut``."""
    stay = []
    for child in fragment.subfragments:
        part, name, _ = child
        place = f"{path}{name}"
        if place in keep:
            stay.append(child)
        elif any(one.startswith(f"{place}.") for one in keep):
            _split(part, keep, cut, f"{place}.")
            stay.append(child)
        else:
            cut.append(part)
    fragment.subfragments = stay


def _signals(fragment: Fragment, which: str) -> dict:
    """Signals that a design's statements assign to (``_lhs_signals``) or read (``_rhs_signals``), by identity."""
    found = {id(s): s for statements in fragment.statements.values() for s in getattr(statements, which)()}
    for part, _, _ in fragment.subfragments:
        found |= _signals(part, which)
    return found


def _places(fragment: Fragment, path: str = "") -> set[str]:
    names = {f"{path}{name}": part for part, name, _ in fragment.subfragments}
    return set(names).union(*(_places(part, f"{place}.") for place, part in names.items()))


def alone(component: wiring.Component, keep: tuple[str, ...], family: str | None = None) -> Fragment:
    """A component with no parts but ``keep`` (paths like ``classifier.sink``, with all that is in them) and what leads to
    them. Every signal that these read and do not drive, other than the component's inputs, may have another value in each cycle. A
    part that is not there, or one of memories or foreign blocks, is a :class:`PopbeatError`."""
    fragment = Fragment.get(component, family)
    if missing := set(keep) - _places(fragment):
        raise PopbeatError(f"{type(component).__name__} has no part {', '.join(sorted(missing))} to keep alone")
    cut: list[Fragment] = []
    _split(fragment, keep, cut)
    for part in _parts(fragment):
        if isinstance(part, (Instance, MemoryInstance)):
            raise PopbeatError(f"{type(component).__name__}: a part that is kept alone has a memory or a foreign block; cut deeper")
    driven = _signals(fragment, "_lhs_signals")
    if both := [s.name for part in cut for key, s in _signals(part, "_lhs_signals").items() if key in driven]:
        raise PopbeatError(f"{type(component).__name__}: {', '.join(both)} is driven from within and without; cut elsewhere")
    inputs = {id(Value.cast(value)) for _, member, value in component.signature.flatten(component) if member.flow == wiring.In}
    m = Module()
    for key, signal in _signals(fragment, "_rhs_signals").items():
        if key not in driven and key not in inputs:
            m.d.comb += signal.eq(AnySeq(len(signal)))
    fragment.add_subfragment(Fragment.get(m, None), "all_others")
    return fragment


def _parts(fragment: Fragment) -> list[Fragment]:
    return [fragment, *(below for part, _, _ in fragment.subfragments for below in _parts(part))]
