"""Detectors of others."""

import numpy as np

from sw.qrs import others


def test_stored_detections_of_others_are_read_again(recordings, tmp_path, monkeypatch):
    signal = recordings.signal("100", "MLII")[:10_000]
    calls = []

    def found(samples, header, lead):
        calls.append((len(samples), lead))
        return np.array([300, 100, 300])

    monkeypatch.setattr(others, "DETECTORS", {"xqrs": found})
    for _ in range(2):
        assert others.detect("xqrs", recordings.path / "100", "MLII", signal, tmp_path).tolist() == [100, 300]
    assert calls == [(10_000, 0)]
    others.detect("xqrs", recordings.path / "100", "MLII", signal[:-1], tmp_path)
    assert len(calls) == 2
