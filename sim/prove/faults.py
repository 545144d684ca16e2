"""Mistakes in the gateware's own source, planted for as long as a proof needs them."""

import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sw.errors import PopbeatError


@dataclass(frozen=True)
class Fault:
    """In the source of ``module`` the text ``old``, which stands there once, becomes ``new``."""

    module: types.ModuleType
    old: str
    new: str

    def source(self) -> str:
        """The module's source with the mistake. :class:`PopbeatError` where ``old`` does not stand there exactly once."""
        path = Path(self.module.__file__)
        source = path.read_text()
        if (count := source.count(self.old)) != 1:
            raise PopbeatError(f"{path.name} has {count} times {self.old!r}; a fault is planted where there is one: correct it")
        return source.replace(self.old, self.new)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code of functions in a module's or a class's, not of what is within functions."""
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            if constant.co_flags & 0x2:  # CO_NEWLOCALS: a function
                yield constant
            else:
                yield from _codes(constant)


def _functions(owner, module: str) -> Iterator[types.FunctionType]:
    for value in vars(owner).values():
        if isinstance(value, type) and value.__module__ == module:
            yield from _functions(value, module)
        value = getattr(value, "fget", None) or getattr(value, "func", None) or getattr(value, "__func__", None) or value
        if isinstance(value, types.FunctionType) and value.__module__ == module:
            yield value


@contextmanager
def planted(fault: Fault) -> Iterator[None]:
    """The module's functions and methods are those of its source with the mistake, for everyone who has imported them. A mistake
    that changes none of them is an error."""
    compiled = compile(fault.source(), fault.module.__file__, "exec")
    wrong = {(code.co_qualname, code.co_firstlineno): code for code in _codes(compiled)}
    changed = []
    for function in _functions(fault.module, fault.module.__name__):
        code = wrong.get((function.__qualname__, function.__code__.co_firstlineno))
        if code is not None and code != function.__code__:
            changed.append((function, function.__code__))
            function.__code__ = code
    try:
        if not changed:
            raise PopbeatError(f"{fault.new!r} in {Path(fault.module.__file__).name} changes no function; plant the fault in one")
        yield
    finally:
        for function, code in changed:
            function.__code__ = code
