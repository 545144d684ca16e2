"""Ten seconds with one label: the tasks rhythm-17 (Plawiak's fragments) and window-5 (AAMI classes by the published rule)."""

from collections import Counter

from sw.data import fragments
from sw.data.mitbih import RECORDS, WINDOW, WINDOWS_A_RECORD
from sw.data.source import Source
from sw.data.windows import AAMI, Task
from sw.errors import PopbeatError

NO_BEAT = frozenset('[]!x|~+"')


def rhythm17(source: Source) -> list[tuple[str, int, str, int]]:
    """Plawiak's fragments; of those that occur twice (11 positions), one, on MLII where there is a choice."""
    chosen: dict[tuple[str, int], fragments.Fragment] = {}
    for row in fragments.rows():
        place = row.record, row.start
        if place not in chosen or (row.lead == "MLII" and chosen[place].lead != "MLII"):
            chosen[place] = row
    return [(r.record, r.start, r.lead, r.number) for r in chosen.values()]


def window5(source: Source) -> list[tuple[str, int, str, int]]:
    """180 consecutive windows of each record whose first lead is MLII, without the paced ones, by the published rule."""
    rows = []
    for record in RECORDS:
        if record in ("107", "217") or source.leads(record)[0] != "MLII":
            continue
        sample, symbol, _ = source.annotations(record)
        for start in range(0, WINDOWS_A_RECORD * WINDOW, WINDOW):
            inside = symbol[(sample >= start) & (sample <= start + WINDOW)].tolist()
            rows.append((record, start, "MLII", "NSVFQ".index(window5_class(inside))))
    return rows


def window5_class(symbols: list[str]) -> str:
    """The published rule: a window's class from the annotation symbols in it, in their order."""
    if not symbols:
        return "Q"
    others = [s for s in symbols if s != "N" and s not in NO_BEAT]
    if not others:
        return "N" if "N" in symbols else "Q"
    count = Counter(others)
    most = max(count.values())
    # Ties go to the symbol that was first seen last; Counter keeps the order of first sight.
    symbol = [s for s, n in count.items() if n == most][-1]
    if symbol not in AAMI:
        raise PopbeatError(f"annotation symbol {symbol!r} belongs to no AAMI class; known are {''.join(sorted(AAMI))}")
    return AAMI[symbol]


_CLASSES = tuple(dict.fromkeys(row.label for row in sorted(fragments.rows(), key=lambda row: row.number)))
RHYTHM17 = Task("rhythm-17", _CLASSES, WINDOW, rhythm17)
WINDOW5 = Task("window-5", ("N", "S", "V", "F", "Q"), WINDOW, window5)
