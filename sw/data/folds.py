"""Stored splits: the fold of every window, drawn once with a fixed seed and committed (``folds/<task>.json``).

Each window has a ``fold`` (0 to 4, stratified by class) and a ``part`` (0 to 7, dealt out likewise). Testing on fold k
leaves the other four for training; of those, part 0 is the validation set (a tenth of all windows) that chooses the checkpoint.
"""

from pathlib import Path

import numpy as np

from sw import cli, files
from sw.data import mitbih, source, tasks
from sw.data.windows import Split, Windows
from sw.errors import PopbeatError

FOLDS = 5
PARTS = 8
SEED = 17
FOLDER = Path(__file__).with_name("folds")


def load(task: str, windows: Windows, fold: int) -> Split:
    """The stored split whose test set is ``fold``; refuses windows other than those it was drawn for."""
    if not 0 <= fold < FOLDS:
        raise PopbeatError(f"fold {fold} does not exist; there are 0 to {FOLDS - 1}")
    path = FOLDER / f"{task}.json"
    stored = files.read_json(path, "stored folds")
    if stored["windows_sha256"] != files.sha256(windows.positions().encode()):
        raise PopbeatError(f"stored folds {path} belong to other windows than the task {task} has here")
    folds = np.frombuffer(stored["fold"].encode(), np.uint8) - ord("0")
    parts = np.frombuffer(stored["part"].encode(), np.uint8) - ord("0")
    test = folds == fold
    validation = ~test & (parts == 0)
    return Split(*(np.flatnonzero(mask) for mask in (~test & ~validation, validation, test)))


def draw(task: str, windows: Windows) -> Path:
    """Draw and store the folds of a task: windows in random order within their class are dealt out in turn."""
    rng = np.random.default_rng(SEED)
    turn = np.empty(len(windows), dtype=np.int64)
    turn[np.lexsort((rng.random(len(windows)), windows.label))] = np.arange(len(windows))
    fold = turn % FOLDS
    # Two parts further for each fold: then ten windows of a rare class meet every part.
    part = (turn // FOLDS + 2 * fold) % PARTS
    return files.write_json(
        FOLDER / f"{task}.json",
        {
            "task": task,
            "seed": SEED,
            "windows": len(windows),
            "windows_sha256": files.sha256(windows.positions().encode()),
            "fold": "".join(map(str, fold)),
            "part": "".join(map(str, part)),
        },
    )


app = cli.new_app("Draw and store the folds of every task anew.")


@app.command()
def main() -> None:
    """Draw and store the folds of every task anew (needs the real recordings)."""
    found = source.find()
    if found.kind != mitbih.NAME:
        raise PopbeatError("folds are drawn from the real recordings; none were found")
    for task in tasks.TASKS.values():
        if task.sets:  # split by time
            continue
        cli.say(f"wrote {draw(task.name, task.windows(found))}")


if __name__ == "__main__":
    cli.run(app)
