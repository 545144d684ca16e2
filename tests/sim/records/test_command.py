"""Several recordings, one of which fails; what has no meaning is refused."""

import json

import pytest
from typer.testing import CliRunner

from sim import beats, classify, detect
from sim.records import command
from sw import files
from sw.errors import PopbeatError


def test_one_that_fails_does_not_stop_the_others(recordings, tmp_path, classified, write):
    for name in ("a", "b", "c"):
        write(tmp_path, recordings.signal("100", "MLII")[:8000], 360, name)
    (tmp_path / "b.dat").write_bytes(b"short")
    done = CliRunner().invoke(classify.app, ["--record", str(tmp_path), "--model", "bnn5"])
    assert isinstance(done.exception, PopbeatError) and "1 of 3 recordings could not be read" in str(done.exception)
    (path,) = (files.BUILD / "classified-records").glob("summary_bnn5_????????.json")
    told = json.loads(path.read_text())
    assert list(told["recordings"]) == [str(tmp_path / "a"), str(tmp_path / "c")]
    assert "truncated" in told["failed"][str(tmp_path / "b")] and told["recordings"][str(tmp_path / "a")]["windows"] == 2
    assert "reaches" in told["honesty"]


def test_what_has_no_meaning_is_refused():
    with pytest.raises(PopbeatError, match=r"RECORDS=100, FULL=True has no meaning for RECORD=; leave it out"):
        command.refuse("RECORD=", RECORDS="100", FULL=True, LEAD="")
    command.refuse("RECORD=", RECORDS="", FULL=False)
    for app in (beats.app, detect.app):
        done = CliRunner().invoke(app, ["--lead", "II"])
        assert "LEAD=II has no meaning" in str(done.exception)
        done = CliRunner().invoke(app, ["--record", "x", "--full"])
        assert "FULL=True has no meaning" in str(done.exception)
        done = CliRunner().invoke(app, ["--records", ","])
        assert "is none of the database" in str(done.exception)


def test_what_takes_long_is_made_once_and_late():
    made = []
    late = command.Late(lambda: made.append(1) or len(made))
    assert not made and late.made == late.made == 1 and made == [1]
