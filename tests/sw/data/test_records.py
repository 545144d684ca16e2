import numpy as np
import pytest
import wfdb

from sw.data import records
from sw.errors import PopbeatError


@pytest.fixture
def record(tmp_path):
    """A small record with two leads, three seconds at 360 Hz."""
    samples = np.stack([np.arange(1080) % 500, np.full(1080, 7)], axis=1)
    wfdb.wrsamp(
        "r",
        fs=360,
        units=["mV", "mV"],
        sig_name=["MLII", "V1"],
        d_signal=samples,
        fmt=["212", "212"],
        adc_gain=[200, 200],
        baseline=[0, 0],
        write_dir=str(tmp_path),
    )
    return tmp_path / "r"


def change(record, old, new):
    path = record.with_suffix(".hea")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_reads_leads_and_parts(record):
    header = records.read_header(record)
    assert (header.leads, header.rate, header.length) == (("MLII", "V1"), 360.0, 1080)
    np.testing.assert_array_equal(records.read_signal(header, "MLII", 10, 5), [10, 11, 12, 13, 14])
    assert records.read_signal(header, "V1").shape == (1080,)
    assert records.read_header(record.with_suffix(".hea")).path == record


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("r 2 360 1080", "r 2 360 100000000000", "claims 100000000000 samples"),
        ("r 2 360 1080", "r 2 0 1080", "sampling frequency"),
        ("r.dat 212", "../r.dat 212", "r.hea can't be read"),
        ("r.dat 212", "/etc/passwd 212", "r.hea can't be read"),
        ("r.dat 212", "other.dat 212", "does not exist"),
        ("r 2 360 1080", "r 3 360 1080", "r.hea"),
        ("r 2 360 1080", "r 0 360 1080", "r.hea"),
        ("r 2 360 1080", "r two 360 1080", "r.hea"),
        ("r.dat 212", "r.dat 508", "format 508"),
        ("r.dat 212", "r.dat 212:60000000", "shifts a signal by 60000000 samples"),
        ("r 2 360 1080", "r/2 2 360 1080", "r"),
    ],
)
def test_headers_that_lie(record, old, new, message):
    change(record, old, new)
    with pytest.raises(PopbeatError, match=message):
        records.read_header(record)


def test_truncated_signal(record):
    path = record.with_suffix(".dat")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(PopbeatError, match="truncated"):
        records.read_header(record)


def test_missing_record_and_unknown_lead(record, tmp_path):
    with pytest.raises(PopbeatError, match="record not found"):
        records.read_header(tmp_path / "none")
    with pytest.raises(PopbeatError, match="no lead 'II'; it has MLII, V1"):
        records.read_signal(records.read_header(record), "II")
    with pytest.raises(PopbeatError, match="samples 0 to 1080"):
        records.read_signal(records.read_header(record), "V1", 1000, 100)


def test_huge_header_and_link_out_of_the_folder(record, tmp_path):
    (tmp_path / "big.hea").write_bytes(b"#" * (records.MAX_HEADER_BYTES + 1))
    with pytest.raises(PopbeatError, match="no header"):
        records.read_header(tmp_path / "big")
    outside = tmp_path / "sub"
    outside.mkdir()
    record.with_suffix(".dat").rename(outside / "r.dat")
    record.with_suffix(".dat").symlink_to(outside / "r.dat")
    with pytest.raises(PopbeatError, match="leads out of its folder"):
        records.read_header(record)


def test_annotations(record, tmp_path):
    with pytest.raises(PopbeatError, match="annotation file not found"):
        records.read_annotations(record)
    record.with_suffix(".atr").write_bytes(b"\xff" * 7)
    with pytest.raises(PopbeatError, match="can't be read"):
        records.read_annotations(record)
    wfdb.wrann("r", "atr", np.array([5, 90]), np.array(["N", "V"]), write_dir=str(tmp_path))
    sample, symbol, _ = records.read_annotations(record)
    assert (sample.tolist(), symbol.tolist()) == ([5, 90], ["N", "V"])
