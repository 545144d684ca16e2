"""Protocols: no training window lies in or next to a test window where the protocol forbids it, on the real tables."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.subject import seen_and_unseen
from sw.data import folds, protocols, tasks
from sw.data.protocols import BETWEEN_PATIENTS, BY_TIME, COMPARABLE, NO_NEIGHBOURS, RECORDS
from sw.errors import PopbeatError


def table(rows: list[tuple[int, int]]) -> tasks.Windows:
    """Windows of (record, start)."""
    record, start = np.array([str(r) for r, _ in rows]), np.array([s for _, s in rows], dtype=np.int64)
    return tasks.Windows(record, start, np.full(len(rows), "MLII"), np.zeros(len(rows), dtype=np.int64))


def pairs_near(windows: tasks.Windows, others: tasks.Windows, length: int) -> np.ndarray:
    """The rule as it is said, a pair at a time."""
    out = []
    for record, start in zip(windows.record, windows.start, strict=True):
        places = zip(others.record, others.start, strict=True)
        out.append(any(record == r and abs(int(start) - int(s)) <= length for r, s in places))
    return np.array(out, dtype=bool)


PLACES = st.lists(st.tuples(st.integers(100, 102), st.integers(0, 60)), max_size=12)


@given(PLACES, PLACES, st.integers(1, 12))
def test_near_is_the_rule_for_every_pair(windows, others, length):
    a, b = table(windows), table(others)
    np.testing.assert_array_equal(protocols.near(a, b, length), pairs_near(a, b, length))


def test_near_at_its_bounds():
    test = table([(100, 7200)])
    starts = [0, 3599, 3600, 7200, 9000, 10800, 10801, 14400]
    near = protocols.near(table([(100, s) for s in starts]), test, 3600)
    assert near.tolist() == [False, False, True, True, True, True, False, False]
    assert not protocols.near(table([(101, s) for s in starts]), test, 3600).any()


@pytest.fixture(scope="module", params=["rhythm-17", "window-5"])
def drawn(request, recordings):
    task = tasks.get(request.param)
    windows = task.windows(recordings)
    return task, windows, protocols.further(task, recordings, windows)


def test_further_windows_are_none_of_the_tasks_own(drawn):
    task, windows, further = drawn
    own = set(zip(windows.record.tolist(), windows.start.tolist(), strict=True))
    places = list(zip(further.record.tolist(), further.start.tolist(), strict=True))
    assert len(set(places)) == len(places) and not own & set(places)
    assert set(further.record) <= set(windows.record)
    assert (further.start % (task.length // 2) == 0).all()
    assert further.label.min() >= 0 and further.label.max() < len(task.classes)


@pytest.mark.parametrize("protocol", [COMPARABLE, RECORDS, NO_NEIGHBOURS])
@pytest.mark.parametrize("fold", range(folds.FOLDS))
def test_nothing_leaks(drawn, fold, protocol):
    task, windows, further = drawn
    split, stored = protocols.split(task, windows, further, fold, protocol), folds.load(task.name, windows, fold)
    np.testing.assert_array_equal(split.test, stored.test)
    for name in ("train", "validation"):
        assert set(getattr(split, name)) <= set(getattr(stored, name))
    test, validation = windows.take(split.test), windows.take(split.validation)
    extra = further.take(split.further)
    assert len(extra) == 0 if protocol == COMPARABLE else len(extra) > 1000
    for closed in (test, validation):
        apart(extra, closed, task.length)
    if protocol == NO_NEIGHBOURS:
        apart(windows.take(split.train), test, task.length)
        apart(validation, test, task.length)
        assert len(split.train) < len(stored.train)
    else:
        assert len(split.train) == len(stored.train)


def test_by_time_the_future_is_tested(drawn):
    task, windows, further = drawn
    split = protocols.split(task, windows, further, 0, BY_TIME)
    test = windows.take(split.test)
    assert test.start.min() >= 520_000 and len(split.further) == 0 and len(split.test) > 100
    assert len(split.validation) > 50
    for rows in (split.train, split.validation):
        known = windows.take(rows)
        assert (known.start + task.length <= 520_000).all()
        apart(known, test, task.length)
    assert not set(split.train) & set(split.validation)
    left = len(windows) - sum(map(len, (split.train, split.validation, split.test)))
    assert left < 3 * len(np.unique(windows.record))  # what lies across the line or next to it
    with pytest.raises(PopbeatError, match="by-time has folds 0 to 0, not 1"):
        protocols.split(task, windows, further, 1, BY_TIME)


def test_between_patients_nobody_is_in_both(drawn):
    task, windows, further = drawn
    tested = []
    for fold in range(protocols.count(BETWEEN_PATIENTS)):
        split = protocols.split(task, windows, further, fold, BETWEEN_PATIENTS)
        known, test = (windows.take(rows) for rows in (split.train, split.test))
        assert len(split.further) == len(split.validation) == 0
        assert not set(known.record) & set(test.record)
        assert ("201" in known.record) == ("202" in known.record)
        assert set(test.label) <= set(known.label)
        tested += split.test.tolist()
    assert len(tested) == len(set(tested))
    alone = {k for k in range(len(task.classes)) if len(set(windows.record[windows.label == k])) == 1}
    assert set(range(len(windows))) - set(tested) == set(np.flatnonzero(np.isin(windows.label, list(alone))).tolist())
    with pytest.raises(PopbeatError, match="between-patients has folds 0 to 2, not 3"):
        protocols.split(task, windows, further, 3, BETWEEN_PATIENTS)


def apart(windows: tasks.Windows, closed: tasks.Windows, length: int) -> None:
    """No window shares a sample with a closed one or adjoins it: sample by sample, without the rule that is tested."""
    for record in np.unique(windows.record):
        taken = np.zeros(1 << 20, dtype=bool)
        for start in closed.start[closed.record == record]:
            taken[max(start - 1, 0) : start + length + 1] = True
        for start in windows.start[windows.record == record]:
            assert not taken[start : start + length].any(), (record, start)


def test_pretraining_keeps_off_every_window_of_the_task(recordings):
    task = tasks.get("rhythm-17")
    windows = task.windows(recordings)
    further = protocols.further(task, recordings, windows)
    split = protocols.pretraining(task, windows, further)
    assert len(split.train) == len(split.validation) == len(split.test) == 0
    apart(further.take(split.further), windows, task.length)
    for protocol in (RECORDS, NO_NEIGHBOURS):
        for fold in range(folds.FOLDS):
            assert set(split.further) <= set(protocols.split(task, windows, further, fold, protocol).further)


def test_a_simulation_scores_what_its_training_never_saw(drawn):
    task, windows, further = drawn
    for protocol in protocols.NAMES:
        for fold in range(protocols.count(protocol)):
            split = protocols.split(task, windows, further, fold, protocol)
            seen, unseen = seen_and_unseen({"protocol": protocol, "fold": fold}, task, windows)
            assert set(split.train) | set(split.validation) <= set(seen)
            np.testing.assert_array_equal(unseen, split.test)


def test_unknown_protocol():
    with pytest.raises(PopbeatError, match="unknown protocol 'best-test-epoch'; there are comparable, "):
        protocols.check("best-test-epoch")
