"""Mutants of the Amaranth source: an operator, a comparison, a constant by one, or a condition of ``m.If`` that always holds. Each
runs in a copy of the tree against the tests of its own file (``tests`` mirrors the source), then against those of its folder and of
the top that the folder is part of, until one of them fails.

Only what describes hardware is changed: statements of functions that have a module ``m``.
"""

import ast
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from sim.mutate.judge import CanaryMissed
from sw import campaign, files
from sw.errors import PopbeatError

OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr}
COMPARISONS = {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
SECONDS = 1200  # for the tests of one mutant
# What judges a folder's files after their own tests.
BEHIND = {
    "hw/axilite": ("hw/axilite",),
    "hw/beats": ("hw/beats",),
    "hw/binary": ("hw/binary",),
    "hw/board": ("hw/board/test_top.py", "hw/board/test_host.py"),
    "hw/front": ("hw/front", "hw/binary/test_top.py"),
    "hw/guard": ("hw/guard/test_guard.py", "hw/guard/test_top.py"),
    "hw/images": ("hw/images",),
    "hw/link": ("hw/link", "hw/board/test_top.py", "hw/board/test_host.py"),
    "hw/mac": ("hw/mac", "sim/test_networks.py"),
    "hw/qrs": ("hw/qrs",),
    "hw/stream": ("hw/stream", "hw/binary/test_top.py", "hw/guard/test_guard.py"),
    "hw/tiny": ("hw/tiny",),
}


@dataclass(frozen=True)
class Change:
    """In the ``file`` (path in the project) the text from ``start`` to ``end`` (places in the file) becomes ``text``; ``what`` kind
    of change that is, in which ``line``."""

    file: str
    line: int
    what: str
    start: int
    end: int
    text: str

    def applied(self, source: str) -> str:
        """The source with the change."""
        return source[: self.start] + self.text + source[self.end :]


def _changed(node: ast.AST) -> list[tuple[str, str]]:
    """Kind and new text of each change of a node."""
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return [("operator", ast.unparse(ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right)))]
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
        return [("comparison", ast.unparse(ast.Compare(node.left, [COMPARISONS[type(node.ops[0])]()], node.comparators)))]
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return [("constant", f"({node.value + step})") for step in (1, -1)]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
        return [("operator", ast.unparse(node.operand))]
    return []


def _conditions(node: ast.AST) -> list[ast.AST]:
    """The conditions of ``with m.If(...)`` and ``m.Elif(...)``."""
    if not isinstance(node, ast.With):
        return []
    calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in ("If", "Elif")]
    return [call.args[0] for call in named if call.args]


def _has_module(function: ast.AST) -> bool:
    return isinstance(function, ast.FunctionDef) and any(isinstance(n, ast.Name) and n.id == "m" for n in ast.walk(function))


def changes(file: str, source: str) -> list[Change]:
    """Every change of a file's source, in the order of the lines."""
    starts = [0]
    for line in source.encode().split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    found: dict[tuple, Change] = {}

    def add(node: ast.AST, what: str, text: str) -> None:
        # Columns are in bytes.
        start, end = (
            len(source.encode()[: starts[line - 1] + column].decode())
            for line, column in ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))
        )
        found[start, end, text] = Change(file, node.lineno, what, start, end, f"({text})" if what != "constant" else text)

    for function in ast.walk(ast.parse(source)):
        if not _has_module(function):
            continue
        for statement in function.body:
            for node in ast.walk(statement):
                for what, text in _changed(node):
                    add(node, what, text)
                for condition in _conditions(node):
                    add(condition, "condition", "1")
    return [found[key] for key in sorted(found)]


def drawn(count: int, seed: int) -> list[Change]:
    """Changes drawn evenly from all those of the gateware."""
    every = []
    for folder in BEHIND:
        for path in sorted((files.ROOT / folder).glob("*.py")):
            every += changes(str(path.relative_to(files.ROOT)), path.read_text())
    if len(every) < count:
        raise PopbeatError(f"the gateware has {len(every)} places to change, not {count}; ask for fewer")
    return random.Random(seed).sample(every, count)


def tests_of(file: str) -> list[str]:
    """The tests that judge a source file, as paths in the project: its own, then those behind its folder."""
    path = Path(file)
    own = Path("tests") / path.parent / f"test_{path.name}"
    return [str(own)] * (files.ROOT / own).is_file() + [f"tests/{one}" for one in BEHIND[str(path.parent)]]


def copied(folder: Path) -> Path:
    """A copy of the tracked files, to be changed."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=files.ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(files.ROOT / name, folder / name)
    return folder


def judged(change: Change) -> str:
    """``killed`` where a test of the changed file or its folder fails, ends in an error or takes too long; else ``survived``."""
    with tempfile.TemporaryDirectory() as home:
        tree = copied(Path(home) / "popbeat")
        # What tests find beside the project, and Verilator's own objects, which are the same.
        (tree.parent / "shared").symlink_to(files.ROOT.parent / "shared")
        if (objects := files.BUILD / "verilated").is_dir():
            (tree / "build").mkdir()
            shutil.copytree(objects, tree / "build" / "verilated")
        (tree / change.file).write_text(change.applied((tree / change.file).read_text()))
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-n0", "-p", "no:cacheprovider", *tests_of(change.file)]
        try:
            done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return "killed"
        broken = done.returncode == 4 and "while loading conftest" in done.stderr  # what every test imports
        if done.returncode not in (0, 1, 2) and not broken:
            raise PopbeatError(f"pytest ended with {done.returncode} on tests of {change.file}: {done.stdout.strip()[-300:]}")
        return "survived" if done.returncode == 0 else "killed"


def inputs(file: str) -> dict[str, str]:
    """What a verdict depends on: the file, its tests, the benches that these run, and how it is judged."""
    told = {"file": (files.ROOT / file).read_bytes(), "judge": Path(__file__).read_bytes()}
    tests = [one for name in tests_of(file) for path in [files.ROOT / name] for one in (sorted(path.rglob("*.py")) or [path])]
    tests += sorted((files.ROOT / "sim").rglob("*.py"))
    return {name: files.sha256(text) for name, text in told.items()} | {
        "tests": files.sha256(b"".join(path.read_bytes() for path in tests))
    }


def job(change: dict, wanted: dict[str, str]) -> dict:
    """The job: what becomes of a change."""
    here = inputs(change["file"])
    campaign.demand("sources", [wanted[name] for name in here], list(here.values()))
    return {"verdict": judged(Change(**change))}


def canaries(file: str) -> dict[str, Change]:
    """Two changes of a file with the verdict that each must have: none at all, and one after which it can't be imported."""
    return {"survived": Change(file, 1, "none", 0, 0, ""), "killed": Change(file, 1, "syntax", 0, 0, "(\n")}


def verdicts(count: int, seed: int, bar) -> list[tuple[Change, str]]:
    """Changes with their verdicts, in the order of drawing; each folder's canaries come first."""
    chosen = drawn(count, seed)
    first = {str(Path(c.file).parent): c.file for c in sorted(chosen, key=lambda c: c.file, reverse=True)}
    checks = [(one, verdict) for file in first.values() for verdict, one in canaries(file).items()]
    every = [one for one, _ in checks] + chosen
    jobs = [
        campaign.Job("sim.mutate.source:job", {"change": asdict(c), "wanted": inputs(c.file)}, f"{c.file}:{c.line}") for c in every
    ]
    found = [one["verdict"] for one in campaign.run(jobs, bar, "Amaranth source")]
    for (change, wanted), seen in zip(checks, found, strict=False):
        if seen != wanted:
            raise CanaryMissed(f"tests of {change.file} with {change.what} of its text changed: {seen}, not {wanted}")
    return list(zip(chosen, found[len(checks) :], strict=True))


def key(change: Change) -> str:
    """What a change is, for a person: line and column, what stood there, and what stands there now. No two changes share it."""
    text = (files.ROOT / change.file).read_text()
    column = change.start - text.rfind("\n", 0, change.start)
    return " ".join(f"{change.file}:{change.line}:{column}: {text[change.start : change.end]} -> {change.text}".split())


def figures(count: int, seed: int, bar, reasons: dict[str, dict]) -> dict:
    """Counts by folder, and what the tests let live."""
    found = verdicts(count, seed, bar)
    folders: dict[str, Counter] = {}
    left = []
    for change, verdict in found:
        became = verdict if verdict == "killed" else "explained" if key(change) in reasons else "left"
        folders.setdefault(str(Path(change.file).parent), Counter())[became] += 1
        if became != "killed":
            left.append({"outcome": became, "mutant": key(change), "reason": reasons.get(key(change), {})})
    return {
        "command": f"make mutate SOURCE={count} SEED={seed}",
        "mutants": count,
        "folders": {name: dict(folders[name]) for name in sorted(folders)},
        "survivors": left,
    }
