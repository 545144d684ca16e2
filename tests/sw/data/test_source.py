"""Where recordings come from: named by the environment, other ones refused."""

import pytest

from sw.data import mitbih, source, synthetic
from sw.errors import PopbeatError


def test_other_recordings_are_not_taken_for_mitbih(monkeypatch, small, tmp_path):
    """Files with the right names and other contents."""
    monkeypatch.setattr(mitbih, "RECORDS", ("100", "207"))
    monkeypatch.setenv("POPBEAT_DATA", str(tmp_path))
    for file in small.iterdir():
        if file.name != synthetic.MARK:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(PopbeatError, match=r"100\.hea is not that of MIT-BIH 1\.0\.0"):
        source.find()


def test_source_named_by_the_environment(monkeypatch, tmp_path, small):
    monkeypatch.setenv("POPBEAT_DATA", str(tmp_path / "none"))
    with pytest.raises(PopbeatError, match="which is no folder"):
        source.find()
    monkeypatch.setenv("POPBEAT_DATA", str(small))
    with pytest.raises(PopbeatError, match="138 of 144 files are missing, 101.hea first"):
        source.find()


def test_what_is_published_wants_real_recordings(monkeypatch, recordings):
    monkeypatch.setattr(source, "find", lambda: source.Source(synthetic.KIND, recordings.path))
    with pytest.raises(PopbeatError, match="the curve is measured on real recordings"):
        source.real("the curve is")
    real = source.Source(mitbih.NAME, recordings.path)
    monkeypatch.setattr(source, "find", lambda: real)
    assert source.real("the curve is") is real
