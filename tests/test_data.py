import csv
import http.server
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import wfdb

from sw import files
from sw.data import folds, fragments, mitbih, rhythms, source, synthetic, tasks
from sw.errors import PopbeatError

SHARED = files.ROOT.parent / "shared" / "data"
real = pytest.mark.skipif(source.missing(SHARED / "mitdb") != [], reason="needs the real recordings beside the project")


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Path:
    """Two synthetic records."""
    path = tmp_path_factory.mktemp("small") / "db"
    synthetic.write_database(path, ("100", "207"))
    return path


def test_fragments_are_a_thousand_rows_of_seventeen_classes():
    rows = fragments.rows()
    assert len(rows) == 1000
    assert len({r.number for r in rows}) == 17
    assert all(r.start % 3600 == 0 for r in rows)


def test_rhythm17_has_no_window_twice(rhythm17):
    windows, samples = rhythm17
    assert len(windows) == 989
    assert len(set(zip(windows.record.tolist(), windows.start.tolist(), strict=True))) == 989
    assert samples.shape == (989, 3600)


@real
def test_rhythm17_is_cut_where_the_published_fragments_are():
    found = source.Source(mitbih.NAME, SHARED / "mitdb")
    checked = 0
    for row in fragments.rows():
        for folder in SHARED.glob(f"mlii-fragments-17/{row.number + 1} *"):
            published = scipy.io.loadmat(folder / row.file)["val"][0]
            np.testing.assert_array_equal(found.signal(row.record, row.lead)[row.start : row.start + 3600], published)
            checked += 1
    assert checked in (0, 1000)  # all, or the folder is not there


@real
def test_window5_reproduces_the_published_labels():
    task = tasks.get("window-5")
    windows = task.windows(source.Source(mitbih.NAME, SHARED / "mitdb"))
    with open(SHARED / "fragments5.csv", newline="") as file:
        published = [(row["record"], int(row["start_sample"]), row["class"]) for row in csv.DictReader(file)]
    ours = [(str(r), int(s), task.classes[k]) for r, s, k in zip(windows.record, windows.start, windows.label, strict=True)]
    assert ours == published


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        ([], "Q"),
        (["N", "N"], "N"),
        (["+", "N"], "N"),
        (["+", "~"], "Q"),
        (["N", "N", "N", "V"], "V"),
        (["L", "L", "V"], "N"),
        (["V", "A"], "S"),
        (["A", "V"], "V"),
        (["A", "V", "A"], "S"),
        (["/"], "Q"),
        (["F", "E"], "V"),
    ],
)
def test_window5_rule(symbols, expected):
    assert rhythms.window5_class(symbols) == expected


WITH_FOLDS = [task.name for task in tasks.TASKS.values() if not task.sets]


@pytest.mark.parametrize("name", WITH_FOLDS)
def test_folds_are_stored_disjoint_and_stratified(name, recordings):
    windows = tasks.get(name).windows(recordings)
    if recordings.kind != mitbih.NAME and name == "beat-5":
        # Its windows come from the recordings' annotations; those of the other tasks are stored.
        with pytest.raises(PopbeatError, match="belong to other windows"):
            folds.load(name, windows, 0)
        return
    tested = []
    for fold in range(folds.FOLDS):
        split = folds.load(name, windows, fold)
        together = np.concatenate([split.train, split.validation, split.test])
        np.testing.assert_array_equal(np.sort(together), np.arange(len(windows)))
        tested.append(split.test)
        if recordings.kind == mitbih.NAME:
            counts = np.bincount(windows.label[split.test], minlength=len(tasks.get(name).classes))
            expected = np.bincount(windows.label) / folds.FOLDS
            assert (np.abs(counts - expected) <= 1).all()
            assert len(np.unique(windows.label[split.validation])) >= len(tasks.get(name).classes) - 2
    np.testing.assert_array_equal(np.sort(np.concatenate(tested)), np.arange(len(windows)))


def test_folds_refuse_other_windows(rhythm17):
    windows, _ = rhythm17
    with pytest.raises(PopbeatError, match="other windows"):
        folds.load("rhythm-17", windows.take(np.arange(900)), 0)
    with pytest.raises(PopbeatError, match="fold 5"):
        folds.load("rhythm-17", windows, 5)


@real
@pytest.mark.parametrize("name", WITH_FOLDS)
def test_drawing_the_folds_again_gives_the_stored_ones(name, monkeypatch, tmp_path):
    stored = (folds.FOLDER / f"{name}.json").read_bytes()
    monkeypatch.setattr(folds, "FOLDER", tmp_path)
    found = source.Source(mitbih.NAME, SHARED / "mitdb")
    assert folds.draw(name, tasks.get(name).windows(found)).read_bytes() == stored


def test_other_recordings_are_not_taken_for_mitbih(monkeypatch, small, tmp_path):
    """Files with the right names and other contents."""
    monkeypatch.setattr(mitbih, "RECORDS", ("100", "207"))
    monkeypatch.setenv("POPBEAT_DATA", str(tmp_path))
    for file in small.iterdir():
        if file.name != synthetic.MARK:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(PopbeatError, match=r"100\.hea is not that of MIT-BIH 1\.0\.0"):
        source.find()


@pytest.mark.parametrize(
    ("window", "bits", "classes", "message"),
    [
        (400, 12, "NSVFQ", "windows of 400 samples"),
        (3600, 11, "NSVFQ", "samples of 11 bits"),
        (3600, 12, "NSVQF", "names the classes N, S, V, Q, F"),
    ],
)
def test_networks_that_do_not_fit_a_task(window, bits, classes, message):
    with pytest.raises(PopbeatError, match=message):
        tasks.for_network("window-5", window, bits, tuple(classes))


def test_source_named_by_the_environment(monkeypatch, tmp_path, small):
    monkeypatch.setenv("POPBEAT_DATA", str(tmp_path / "none"))
    with pytest.raises(PopbeatError, match="which is no folder"):
        source.find()
    monkeypatch.setenv("POPBEAT_DATA", str(small))
    with pytest.raises(PopbeatError, match="138 of 144 files are missing, 101.hea first"):
        source.find()


def test_unknown_task():
    with pytest.raises(PopbeatError, match="unknown task 'x'; there are rhythm-17, window-5, beat-5"):
        tasks.get("x")


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


@pytest.fixture
def server(small, tmp_path, monkeypatch):
    """A stand-in for PhysioNet on loopback that serves two records, and what it was asked for."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(Path(self.path).name)
            file = small / Path(self.path).name
            if not file.is_file():
                return self.send_error(404)
            content, first = file.read_bytes(), 0
            wanted = self.headers.get("Range")
            if wanted:
                first = int(wanted.split("=")[1].split("-")[0])
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(content) - first))
            if wanted:
                self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content[first:])
            return None

        do_HEAD = do_GET

        def log_message(self, *arguments):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    wfdb.set_db_index_url(f"http://127.0.0.1:{httpd.server_port}/")
    monkeypatch.setattr(mitbih, "RECORDS", ("100", "207"))
    sums = {f.name: files.sha256_file(f) for f in small.iterdir()}
    monkeypatch.setattr(mitbih, "checksums", lambda: sums)
    monkeypatch.setattr(files, "ROOT", tmp_path / "project")
    monkeypatch.delenv("POPBEAT_DATA", raising=False)
    yield partial(asked.copy), sums
    wfdb.set_db_index_url()
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_download_checks_resumes_and_completes(server, small, tmp_path):
    _, _ = server
    partial_folder = tmp_path / "project" / "data" / "mitdb" / "partial"
    partial_folder.mkdir(parents=True)
    # An interrupted download: a file's first bytes are there.
    (partial_folder / "207.dat").write_bytes((small / "207.dat").read_bytes()[:1000])
    found = source.find()
    assert found == source.Source(mitbih.NAME, tmp_path / "project" / "data" / "mitdb")
    assert not source.missing(found.path)
    assert (found.path / "207.dat").read_bytes() == (small / "207.dat").read_bytes()
    assert not partial_folder.exists()


def test_download_with_a_wrong_checksum_is_refused(server, tmp_path):
    _, sums = server
    sums["100.atr"] = "0" * 64
    with pytest.raises(PopbeatError, match=r"100\.atr arrived with a wrong SHA-256"):
        source.find()
    folder = tmp_path / "project" / "data" / "mitdb"
    assert (folder / "100.hea").is_file()  # what was right stays
    assert not (folder / "100.atr").exists()


def test_checksums_cover_the_database():
    sums = mitbih.checksums()
    assert {f"{r}.{e}" for r in mitbih.RECORDS for e in mitbih.ENDINGS} <= sums.keys()
    assert all(len(digest) == 64 for digest in sums.values())
