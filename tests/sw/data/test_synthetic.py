"""Synthetic records."""

import numpy as np

from sw import files
from sw.data import mitbih, source, synthetic


def test_synthetic_records_are_records(small):
    found = source.Source(synthetic.KIND, small)
    assert synthetic.is_synthetic(small)
    assert found.leads("100") == ("MLII", "V1")
    signal = found.signal("207", "MLII")
    assert signal.shape == (synthetic.LENGTH,)
    assert 0 <= signal.min() < signal.max() <= 2047
    sample, symbol, note = found.annotations("207")
    assert (np.diff(sample) > 0).all()
    assert {"!", "+"} <= set(symbol.tolist())
    assert "(VFL" in note.tolist()
    assert "SYNTHETIC" in (small / "100.hea").read_text()


def test_synthetic_database_is_announced(monkeypatch, tmp_path, small, capsys):
    monkeypatch.setenv("POPBEAT_DATA", "synthetic")
    monkeypatch.setattr(files, "BUILD", tmp_path)
    monkeypatch.setattr(mitbih, "RECORDS", ("100", "207"))
    assert source.find().kind == "synthetic"
    assert "SYNTHETIC ECG" in capsys.readouterr().err
    assert not list(tmp_path.glob(".synthetic*"))
