"""Recordings are opened by what they are."""

import numpy as np
import pytest
import wfdb

from sw.data import recordings
from sw.errors import PopbeatError


def test_a_rate_is_for_tables_alone(tmp_path):
    samples = np.zeros((100, 1), np.int64)
    wfdb.wrsamp("r", 360, ["mV"], ["II"], d_signal=samples, fmt=["16"], adc_gain=[200], baseline=[0], write_dir=str(tmp_path))
    assert recordings.read_header(tmp_path / "r").rate == 360
    assert recordings.read_header(tmp_path / "r.hea").rate == 360
    with pytest.raises(PopbeatError, match="has a rate of its own; RATE=250"):
        recordings.read_header(tmp_path / "r", "250")
    with pytest.raises(PopbeatError, match=r"none\.edf does not exist"):
        recordings.read_header(tmp_path / "none.edf")
