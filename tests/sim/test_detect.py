"""The command that finds and scores R peaks of whole records."""

import pytest
from typer.testing import CliRunner

from sim import detect as command
from sim.bulk.qrs import STAGES
from sw import files
from sw.data import mitbih
from sw.errors import PopbeatError
from sw.qrs import others


def test_command_line(recordings, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "HOME", tmp_path)
    monkeypatch.setattr(others, "DETECTORS", {})  # half a minute a record
    done = CliRunner().invoke(command.app, ["--records", "114"])
    assert done.exit_code == 0, done.output
    seen = files.read_json(tmp_path / "detection.json")
    assert seen["records"]["114"]["lead"] == "MLII" and not seen["full"]
    assert seen["rtl"]["mismatches"] == 0 and len(seen["rtl"]["canaries"]) == len(STAGES)
    assert (tmp_path / "annotations" / "114.popbeat").is_file() and (tmp_path / "strips.png").is_file()


def test_unknown_records_are_told():
    with pytest.raises(PopbeatError, match="record '999' is none of the database"):
        mitbih.choose("100,999", mitbih.RECORDS)
