import numpy as np
import pytest
import soundfile
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
    with pytest.raises(PopbeatError, match="no lead 'II'; it has 0 MLII, 1 V1"):
        records.read_signal(records.read_header(record), "II")
    with pytest.raises(PopbeatError, match="samples 0 to 1080"):
        records.read_signal(records.read_header(record), "V1", 1000, 100)


def test_huge_header(record, tmp_path):
    (tmp_path / "big.hea").write_bytes(b"#" * (records.MAX_HEADER_BYTES + 1))
    with pytest.raises(PopbeatError, match="no header"):
        records.read_header(tmp_path / "big")


def test_checksums_and_first_samples(record, tmp_path):
    """Bytes of the right number and other values are noticed, and named."""
    header = records.read_header(record)
    assert not records.damaged(header, 0) and not records.damaged(header, 1)
    data = bytearray(record.with_suffix(".dat").read_bytes())
    data[600] ^= 4
    record.with_suffix(".dat").write_bytes(data)
    (line,) = [line for lead in (0, 1) for line in records.damaged(header, lead)]
    assert "r.dat may be damaged in signal MLII: the samples' checksum is" in line
    data[0] ^= 1
    record.with_suffix(".dat").write_bytes(data)
    assert any("the first sample is 1, and the header says 0" in line for line in records.damaged(header, 0))


def test_samples_of_several_a_frame_and_skew(tmp_path):
    """Each sample of a frame is one, at its own rate; skew is taken off; the length stays that of all signals."""
    ecg, slow = np.arange(400) * 3 % 997, np.arange(100)
    fields = {"fs": 100, "fmt": ["16", "16"], "adc_gain": [200, 1], "baseline": [0, 0], "units": ["mV", "mmHg"]}
    made = wfdb.Record(record_name="m", n_sig=2, sig_len=100, file_name=["m.dat"] * 2, sig_name=["II", "ABP"], **fields)
    made.e_d_signal, made.samps_per_frame, made.block_size = [ecg, slow], [4, 1], [0, 0]
    made.byte_offset, made.skew, made.adc_res, made.adc_zero = [None, None], [None, None], [16, 16], [0, 0]
    made.init_value, made.checksum = [0, 0], made.calc_checksum(expanded=True)
    made.wrsamp(expanded=True, write_dir=str(tmp_path))
    header = records.read_header(tmp_path / "m")
    assert (header.rate, header.rate_of("II"), header.rate_of("abp"), header.length) == (100, 400, 100, 100)
    np.testing.assert_array_equal(records.read_signal(header, "II"), ecg)
    np.testing.assert_array_equal(records.read_signal(header, "II", 6, 5), ecg[6:11])
    assert not records.damaged(header, 0)
    change(tmp_path / "m", "m.dat 16x4", "m.dat 16x4:7")
    shifted = records.read_header(tmp_path / "m")
    assert shifted.length == 93
    np.testing.assert_array_equal(records.read_signal(shifted, "II"), ecg[28:])
    np.testing.assert_array_equal(records.read_signal(shifted, "ABP"), slow[:93])


@pytest.mark.parametrize(("fmt", "kind"), [("508", "PCM_S8"), ("516", "PCM_16"), ("524", "PCM_24")])
def test_flac_is_read(tmp_path, fmt, kind):
    samples = np.stack([np.arange(720) % 90, 40 - np.arange(720) % 80], axis=1)
    shift = 32 - (int(fmt) - 500)
    soundfile.write(tmp_path / "f.flac", (samples << shift).astype(np.int32), 8000, kind, format="FLAC")
    lines = [f"f.flac {fmt} 200/mV 8 0 {column[0]} {column.sum()} 0 {name}" for column, name in zip(samples.T, "IV", strict=True)]
    for length in (" 720", ""):
        (tmp_path / "f.hea").write_text("\n".join([f"f 2 360{length}", *lines, ""]))
        header = records.read_header(tmp_path / "f")
        for number in (0, 1):
            assert records.read_signal(header, number).tolist() == samples[:, number].tolist()
            assert not records.damaged(header, number)
    (tmp_path / "f.hea").write_text("\n".join(["f 2 360 721", *lines, ""]))
    with pytest.raises(PopbeatError, match="claims 721 samples a signal, and .* holds 720"):
        records.read_header(tmp_path / "f")


def segments(folder, record_line, lines):
    """Two segments of 100 samples, of which the second has another order of signals and another gain."""
    values = np.arange(100)
    for name, leads, gain in (("s1", ["II", "V"], 200), ("s2", ["V", "II"], 400)):
        data = np.stack([values * (gain // 200) + 1000 * (lead == "V") * (gain // 200) for lead in leads], axis=1)
        scale = {"fmt": ["16", "16"], "adc_gain": [gain] * 2, "baseline": [0, 0], "units": ["mV", "mV"]}
        wfdb.wrsamp(name, fs=250, sig_name=leads, d_signal=data, write_dir=str(folder), **scale)
    (folder / "layout.hea").write_text("layout 2 250 0\n~ 0 200 16 0 0 0 0 II\n~ 0 200 16 0 0 0 0 V\n")
    (folder / "all.hea").write_text("\n".join([record_line, *lines, ""]))
    return folder / "all"


def test_segments_in_variable_layout(tmp_path):
    """Signals by name, a gap is missing, another gain is scaled."""
    header = records.read_header(segments(tmp_path, "all/4 2 250 230", ["layout 0", "s1 100", "~ 30", "s2 100"]))
    assert (header.leads, header.length) == (("II", "V"), 230)
    values, gone = records.read_lead(header, "II")
    assert gone.nonzero()[0].tolist() == list(range(100, 130))
    assert values[~gone].tolist() == [*range(100), *range(100)]
    assert records.read_lead(header, 1)[0][130:].tolist() == [1000 + k for k in range(100)]
    assert records.read_signal(header, "II", 95, 40)[35:].tolist() == [0, 1, 2, 3, 4]
    assert {file.name for file in header.files()} == {"all.hea", "s1.hea", "s1.dat", "s2.hea", "s2.dat"}


def test_segments_in_fixed_layout(tmp_path):
    header = records.read_header(segments(tmp_path, "all/2 2 250", ["s1 100", "s2 90"]))
    assert header.length == 190
    assert records.read_lead(header, 0)[0][100:].tolist() == [1000 + k for k in range(90)]  # by place, and not by name
    data = bytearray((tmp_path / "s2.dat").read_bytes())
    data[8] ^= 1
    (tmp_path / "s2.dat").write_bytes(data)
    assert [line.split(" may")[0] for line in records.damaged(header, 0)] == [str(tmp_path / "s2.dat")]


@pytest.mark.parametrize(
    ("line", "parts", "message"),
    [
        ("all/2 2 250 300", ["s1 100", "s2 100"], "claims 300 samples, and its segments have 200"),
        ("all/2 2 250 201", ["s1 101", "s2 100"], "claims 101 samples of segment s1, which holds 100"),
        ("all/3 2 250 200", ["s1 100", "s2 100"], "declares 3 segments and lists 2"),
        ("all/1 2 250 10", ["~ 10"], "all of its segments are gaps"),
        ("all/1 2 250 100", ["all 100"], "has segments itself"),
        ("all/1 2 360 100", ["s1 100"], "has 250 Hz, and its record .* 360 Hz"),
        ("all/1 2 250 100", ["../s1 100"], "can't be read"),
    ],
)
def test_segments_that_lie(tmp_path, line, parts, message):
    with pytest.raises(PopbeatError, match=message):
        records.read_header(segments(tmp_path, line, parts))


def test_annotations(record, tmp_path):
    with pytest.raises(PopbeatError, match="annotation file not found"):
        records.read_annotations(record)
    record.with_suffix(".atr").write_bytes(b"\xff" * 7)
    with pytest.raises(PopbeatError, match="can't be read"):
        records.read_annotations(record)
    wfdb.wrann("r", "atr", np.array([5, 90]), np.array(["N", "V"]), write_dir=str(tmp_path))
    sample, symbol, _ = records.read_annotations(record)
    assert (sample.tolist(), symbol.tolist()) == ([5, 90], ["N", "V"])
