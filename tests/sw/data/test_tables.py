"""CSV files and NumPy arrays as recordings."""

import numpy as np
import pytest

from sw.data import recordings, records
from sw.errors import PopbeatError


def read(path, rate="250"):
    header = recordings.read_header(path, rate)
    return header, [records.read_lead(header, i) for i in range(len(header.leads))]


def test_columns_with_names_units_and_times(tmp_path):
    """As PhysioNet's rdsamp writes them; and with another comma, no names, a gap."""
    path = tmp_path / "a.csv"
    path.write_text("'Elapsed time','MLII','V5'\n'seconds','mV','mV'\n0.000,-0.145,-0.065\n0.003,0.125,-\n0.006,1.000,0.5\n")
    header, leads = read(path)
    assert header.leads == ("MLII", "V5") and header.rate == 250 and header.length == 3
    assert leads[0][0].tolist() == [-145, 125, 1000] and header.signals[0].gain == 1000
    assert leads[1][0].tolist() == [-65, 0, 500] and leads[1][1].tolist() == [False, True, False]
    path.write_text("10;20\n11;-21\n")
    header, leads = read(path)
    assert header.leads == ("0", "1") and leads[1][0].tolist() == [20, -21] and header.signals[0].gain == 200
    path.write_text("time;ECG [uV];II (mV)\n0;5;0,5\n1;-7;1,25\n")
    header, leads = read(path)
    assert header.leads == ("ECG", "II") and [s.gain for s in header.signals] == [1000, 1000]
    assert leads[0][0].tolist() == [5, -7] and leads[1][0].tolist() == [500, 1250]
    path.with_suffix(".txt").write_text("1 2\n3 4\n")
    assert read(path.with_suffix(".txt"))[1][0][0].tolist() == [1, 3]


def test_a_column_of_times_without_a_name_is_no_lead(tmp_path):
    """Times rise by even steps, rounded to their last digit; nothing else of a recording does."""
    ecg = [5, -3, 8, 900, -7, 2, 4, 4, 6, 1, 0, 3]
    path = tmp_path / "a.csv"
    for times in ([f"{k / 360:.3f}" for k in range(12)], [str(7 + k) for k in range(12)]):
        path.write_text("".join(f"{time},{value}\n" for time, value in zip(times, ecg, strict=True)))
        header, leads = read(path)
        assert header.leads == ("1",) and leads[0][0].tolist() == ecg
    path.write_text("".join(f"{value},{k}\n" for k, value in enumerate(ecg)))
    assert read(path)[0].leads == ("0", "1")
    for name in ("ms", "n", "Seconds"):
        path.write_text(f"{name},ECG\n" + "".join(f"{k},{value}\n" for k, value in enumerate(ecg)))
        assert read(path)[0].leads == ("ECG",)
    np.save(tmp_path / "a.npy", np.stack([np.arange(12), ecg]).T)
    assert read(tmp_path / "a.npy")[0].leads == ("1",)


def test_arrays_of_one_and_two_axes(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.array([1, -2, 3], np.int16))
    header, leads = read(path)
    assert header.leads == ("0",) and leads[0][0].tolist() == [1, -2, 3]
    values = np.arange(10, dtype=np.float32).reshape(2, 5) / 8
    values[1, 2] = np.nan
    np.save(path, values)
    header, leads = read(path)
    assert len(leads) == 2 and leads[0][0].tolist() == [0, 125, 250, 375, 500] and leads[1][1].tolist() == [0, 0, 1, 0, 0]
    assert header.signals[0].gain == 1000


@pytest.mark.parametrize(
    ("name", "text", "rate", "says"),
    [
        ("a.csv", "1,2\n3,4\n", "", "RATE="),
        ("a.csv", "1,2\n3,4\n", "fast", "is no rate"),
        ("a.csv", "1,2\n3,4\n", "-5", "is no rate"),
        ("a.csv", "", "250", "is empty"),
        ("a.csv", "I,II\nmV,mV\nx,y\n", "250", "no table of numbers"),
        ("a.csv", "I,II\n1,2\n3,no\n", "250", "'no' in column II, line 3"),
        ("a.csv", "I,II\n1,2\n3,4\n5,6,7\n", "250", "can't be read as a table"),
        ("a.csv", "time\n1\n2\n", "250", "none of them is a lead"),
        ("a.csv", "I\n1e12\n2\n", "250", "fit 32 bits"),
        ("a.npy", "no array", "250", "can't be read as an array"),
        ("b.csv", None, "250", "does not exist"),
    ],
)
def test_what_is_no_table_is_told(tmp_path, name, text, rate, says):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(PopbeatError, match=says):
        recordings.read_header(path, rate)


def test_pickled_arrays_and_other_shapes_are_refused(tmp_path):
    for values in (np.array([{}], object), np.zeros((2, 2, 2)), np.zeros(0), np.array(["a"])):
        np.save(tmp_path / "a.npy", values)
        with pytest.raises(PopbeatError, match=r"can't be read|shape"):
            recordings.read_header(tmp_path / "a.npy", "250")
