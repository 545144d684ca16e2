"""CI's share of broken inputs; and that a crash, a hang and a death would be found."""

import os
import time
from random import Random

import pytest

from sim.fuzz import mutations, run, targets
from sw.errors import PopbeatError

SHARE = 60


@pytest.mark.parametrize("name", list(targets.TARGETS))
def test_broken_inputs_end_in_one_line(name, tmp_path, capsys):
    done = []
    assert run.feed(name, 1, 0, SHARE, tmp_path, done.append) == [] and sum(done) == SHARE


def test_inputs_are_broken_and_can_be_made_again():
    data = bytes(range(256))
    made = [mutations.broken(data, Random(number)) for number in range(200)]
    assert made == [mutations.broken(data, Random(number)) for number in range(200)]
    assert sum(one != data for one in made) > 180 and len(set(made)) > 150
    assert mutations.broken(b"", Random(3)) is not None


def test_what_goes_wrong_is_found(tmp_path, monkeypatch):
    """A traceback, a hang and a message to the user: the first two are finds, and their inputs stay."""

    def feed(folder):
        data = (folder / "x").read_bytes()
        if folder.name == "valid" or len(data) == 8:
            raise_or_not = PopbeatError("a message")
            if folder.name != "valid":
                raise raise_or_not
        elif len(data) < 8:
            raise KeyError("a traceback")
        elif len(data) > 40:
            time.sleep(3)

    made = targets.Target(lambda folder: (folder / "x").write_bytes(b"12345678"), feed)
    monkeypatch.setitem(targets.TARGETS, "own", made)
    monkeypatch.setattr(run, "SECONDS", 1)
    finds = run.feed("own", 1, 0, 25, tmp_path, lambda count: None)
    said = "".join(text for _, text in finds)
    assert "KeyError" in said and "TooLong" in said and "a message" not in said
    assert sorted(path.name for path in (tmp_path / "own").iterdir()) == sorted(f"1-{number}" for number, _ in finds)


def test_a_process_that_dies_is_a_find(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_process", dies)
    assert run.campaign(["CSV"], 1, 5, tmp_path) == {"CSV": [(-1, "the process died with status 3")]}


def dies(*_) -> None:
    """As a library that ends the process."""
    os._exit(3)
