"""The summary of ``docs/verification.md``: what each kind of check has measured, from the stored figures of its command."""

from collections import Counter

from sw import document, files, metrics

DOCS = files.ROOT / "docs"
NOT_YET = "not measured yet"


def _stored(name: str) -> dict:
    path = DOCS / f"{name}.json"
    return files.read_json(path, "figures") if path.is_file() else {}


def summary(stored: dict) -> str:
    """A row a kind of check: how much of it was done, what it found, the command that does it again."""
    rows = [["RTL = integer model", *_simulated(stored), "`make sim FULL=1`"]]
    proofs = _stored("proofs").get("proofs", [])
    bounded = sum("from reset" in proof["method"] for proof in proofs)
    faults = sum(proof["faults"] for proof in proofs)
    told = f"{len(proofs)} properties, {bounded} of them bounded" if proofs else NOT_YET
    rows.append(["proofs", told, f"all {faults} planted faults noticed" if proofs else "", "`make prove`"])
    for top, found in _stored("mutants").get("netlists", {}).items() or {"": None}.items():
        rows.append([f"mutants {top}".strip(), *_mutants(found), _again(found, "make mutate")])
    source = _stored("mutants").get("source")
    if source:
        told = _outcomes(source["folders"])
        rows.append(["mutants of the source", f"{source['mutants']:,} in Amaranth", told, f"`{source['command']}`"])
    for top, found in _stored("coverage").items() or {"": None}.items():
        rows.append([f"coverage {top}".strip(), *_coverage(found), f'`make coverage ONLY="{top}"`' if top else "`make coverage`"])
    for top, found in _stored("upsets").items() or {"": None}.items():
        rows.append([f"upsets {top}".strip(), *_upsets(found), _again(found, "make upset")])
    soak = _stored("soak")
    for name in ("record", "full"):
        rows.append([f"a day in one simulation, {name}", *_soak(soak.get(name)), "`make soak`"])
    fuzz = _stored("fuzz")
    cases = f"{fuzz['cases']:,} inputs to each of {len(fuzz['finds'])} readers" if fuzz else NOT_YET
    rows.append(
        [
            "broken inputs",
            cases,
            f"{sum(fuzz['finds'].values())} finds left" if fuzz else "",
            f"`{fuzz.get('command', 'make fuzz')}`",
        ]
    )
    netlists = _stored("netlists")
    families = netlists.get("families", {})
    cases = f"{sum(one['networks'] for one in families.values())} netlists of random networks, {len(families)} families"
    found = f"0 values differ in {sum(one['windows'] for one in families.values())} windows"
    rows.append(
        ["behind synthesis", *((cases, found) if families else (NOT_YET, "")), f"`{netlists.get('command', 'make netlists')}`"]
    )
    return document.table(["check", "how much", "what it found", "again"], rows)


def _again(found: dict | None, command: str) -> str:
    """The command that measured what was found; of nothing the ``command`` that would."""
    return f"`{found['command'] if found else command}`"


def _simulated(stored: dict) -> tuple[str, str]:
    runs = [model["rtl"] for model in stored["models"].values() if "rtl" in model]
    windows = sum(run["windows"] for run in runs)
    return f"{windows:,} windows of {len(runs)} networks, every layer", f"{sum(run['mismatches'] for run in runs)} values differ"


def _mutants(found: dict | None) -> tuple[str, str]:
    if found is None:
        return NOT_YET, ""
    return f"{found['mutants']:,} of the netlist", _outcomes(found["components"])


def _outcomes(parts: dict[str, dict]) -> str:
    """What became of the mutants of all parts."""
    counted = sum((Counter(part) for part in parts.values()), Counter())
    return ", ".join(f"{count:,} {outcome}" for outcome, count in counted.items())


def _coverage(found: dict | None) -> tuple[str, str]:
    if found is None:
        return NOT_YET, ""
    shares = found["shares"]
    return f"{sum(total for _, total in shares.values()):,} points", ", ".join(
        f"{kind} {metrics.percent(hit / total)}" for kind, (hit, total) in shares.items()
    )


def _soak(found: dict | None) -> tuple[str, str]:
    if found is None:
        return NOT_YET, ""
    what = "beats" if "beats" in found else "windows"
    return f"{found['hours']} hours of {found['model']}, {found[what]:,} {what}", "0 results differ"


def _upsets(found: dict | None) -> tuple[str, str]:
    if found is None:
        return NOT_YET, ""
    kinds = found["kinds"].values()
    total, none = sum(kind["upsets"] for kind in kinds), sum(kind["effects"]["none"] for kind in kinds)
    grave = sum(sum(kind["grave"].values()) for kind in kinds)
    return (
        f"{total:,} bits in {len(kinds)} kinds of cells",
        f"{none:,} without effect, {grave} that took more than two windows or a reset",
    )


SECTIONS = {"summary": summary}
