"""The tasks by name: which windows of which records, and what each of them is called.

A task (:class:`sw.data.windows.Task`) is a rule from a source to a table of windows; the samples are cut from the records
themselves.
"""

from sw.data import beat_images, beats, multilabel, rhythms
from sw.data.mitbih import RATE, RAW_BITS
from sw.data.windows import Task, Windows
from sw.errors import PopbeatError

TASKS = {
    task.name: task for task in (rhythms.RHYTHM17, rhythms.WINDOW5, beats.BEAT5, beat_images.BEAT5_IMAGE, multilabel.MULTILABEL17)
}


def get(name: str) -> Task:
    """The task called ``name``."""
    if name not in TASKS:
        raise PopbeatError(f"unknown task {name!r}; there are {', '.join(TASKS)}")
    return TASKS[name]


def for_network(name: str, window: int, raw_bits: int, classes: tuple[str, ...], words: int = 0, sets: bool = False) -> Task:
    """The task ``name``, for a network that must fit it: same window, same RR words, same classes, samples wide enough, and
    ``sets`` of labels where the task has them."""
    task = get(name)
    if sets != task.sets:
        kinds = ("one class", "a set of labels")
        raise PopbeatError(f"the network answers with {kinds[sets]}, and {name} asks for {kinds[task.sets]}")
    if window != task.length - task.words:
        raise PopbeatError(f"the network has windows of {window} samples, and {name} has {task.length - task.words}")
    if words != task.words:
        raise PopbeatError(f"the network takes {words} RR words, and {name} has {task.words}")
    if classes != task.classes:
        raise PopbeatError(f"the network names the classes {', '.join(classes)}, and {name} {', '.join(task.classes)}")
    if raw_bits < RAW_BITS:
        raise PopbeatError(f"the network takes samples of {raw_bits} bits, and those of {name} have {RAW_BITS}")
    return task


__all__ = ["RATE", "TASKS", "Task", "Windows", "for_network", "get"]
