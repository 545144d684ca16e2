"""The database's download and checksums."""

import http.server
import threading
from functools import partial
from pathlib import Path

import pytest
import wfdb

from sw import files
from sw.data import mitbih, source
from sw.errors import PopbeatError


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
