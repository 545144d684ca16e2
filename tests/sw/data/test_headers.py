"""Headers that lie, that wfdb would misread, that leave things out."""

import numpy as np
import pytest

from sw.data import headers
from sw.errors import PopbeatError


def header(folder, record_line="r 1 360 90", signal_line="r.dat 16 200/mV 12 0 0 0 0 II"):
    np.arange(90, dtype="<i2").tofile(folder / "r.dat")
    (folder / "r.hea").write_text(f"{record_line}\n{signal_line}\n")
    return folder / "r"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("r 1 -360 90", "sampling frequency '-360', which must be a positive decimal"),
        ("r 1 1e400 90", "sampling frequency '1e400'"),
        ("r 1 36O 90", "sampling frequency '36O'"),
        ("r 1 360,5 90", "sampling frequency '360,5'"),
        ("r 1 nan 90", "sampling frequency 'nan'"),
        ("r 1 0.0 90", "sampling frequency of 0.0; it must be positive"),
        ("r 1 360 1e3", "number of samples '1e3', which must be a whole number"),
        ("r 1 360 -90", "number of samples '-90'"),
        ("r 1x 360 90", "number of signals '1x'"),
        ("r/x 1 360 90", "record name 'r/x'"),
    ],
)
def test_fields_that_would_be_misread(tmp_path, line, message):
    with pytest.raises(PopbeatError, match=message) as error:
        headers.read_header(header(tmp_path, line))
    assert str(tmp_path / "r.hea") in str(error.value)


@pytest.mark.parametrize(
    ("line", "rate", "length"),
    [
        ("r 1", 250, 90),
        ("r 1 128.5", 128.5, 90),
        ("r 1 360 0", 360, 90),
        ("r 1 360/1000(5) 80 8:26:04 26/10/1994", 360, 80),
        ("r 1 .5 90", 0.5, 90),
    ],
)
def test_fields_that_may_be_left_out(tmp_path, line, rate, length):
    seen = headers.read_header(header(tmp_path, line))
    assert (seen.rate, seen.length) == (rate, length)


def test_folders_and_empty_files(tmp_path):
    with pytest.raises(PopbeatError, match="is a folder; give the path of a WFDB record in it"):
        headers.read_header(tmp_path)
    (tmp_path / "d.hea").mkdir()
    with pytest.raises(PopbeatError, match="is a folder"):
        headers.read_header(tmp_path / "d")
    for text in ("", "# only a comment\n"):
        (tmp_path / "e.hea").write_text(text)
        with pytest.raises(PopbeatError, match="has no record line"):
            headers.read_header(tmp_path / "e")


def test_a_folder_of_links(tmp_path):
    """Whoever names the record may have linked its files; its header still names files of its folder alone."""
    (tmp_path / "real").mkdir()
    real = header(tmp_path / "real")
    (tmp_path / "links").mkdir()
    for ending in ("hea", "dat"):
        (tmp_path / "links" / f"r.{ending}").symlink_to(real.with_suffix(f".{ending}"))
    assert headers.read_header(tmp_path / "links" / "r").length == 90
    for name in ("../real/r.dat", str(real) + ".dat"):
        with pytest.raises(PopbeatError, match="can't be read as a WFDB header"):
            headers.read_header(header(tmp_path, signal_line=f"{name} 16 200/mV 12 0 0 0 0 II"))


def test_segments_that_are_declared_and_not_listed(tmp_path):
    with pytest.raises(PopbeatError, match="declares segments, and lists none"):
        (tmp_path / "s.hea").write_text("s/2 1 360 90\n")
        headers.read_header(tmp_path / "s")


def test_what_is_no_regular_file(tmp_path):
    """A link that leads nowhere is told; loops and endless names are the system's to refuse."""
    (tmp_path / "n.hea").symlink_to(tmp_path / "none")
    with pytest.raises(PopbeatError, match=r"n.hea is a link that leads nowhere"):
        headers.read_header(tmp_path / "n")
    (tmp_path / "l.hea").symlink_to(tmp_path / "l.hea")
    for path in (tmp_path / "l", tmp_path / ("x" * 300)):
        with pytest.raises(OSError) as error:
            headers.read_header(path)
        assert error.value.filename
    record = header(tmp_path)
    record.with_suffix(".dat").unlink()
    record.with_suffix(".dat").mkdir()
    with pytest.raises(PopbeatError, match=r"names the signal file 'r.dat', and .* is no regular file"):
        headers.read_header(record)
