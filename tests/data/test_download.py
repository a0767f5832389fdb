"""The download against a server on this machine: whole, broken off, wrong sum, no network."""

import hashlib
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tidegate.data.download import download
from tidegate.data.sources import imdb, registry
from tidegate.errors import DownloadError

CONTENT = bytes(range(256)) * 4_000  # about 1 MB, several chunks
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server:
    """Serves CONTENT; what it does wrong is set by the test."""

    def __init__(self):
        self.break_after = None
        self.honours_ranges = True
        self.content = CONTENT
        self.ranges = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/aclImdb_v1.tar.gz"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, request):
        if not request.path.endswith(".gz"):
            request.send_error(404)
            return
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        start = 0
        if asked and self.honours_ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(self.content):
                request.send_error(416)
                return
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(self.content) - start))
        request.end_headers()
        request.wfile.write(self.content[start : self.break_after])


@pytest.fixture
def server():
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "aclImdb_v1.tar.gz"


def test_a_whole_download_is_checked_and_told(server, target):
    told = []
    assert download(server.url, MD5, target, lambda here, total: told.append((here, total)))
    assert target.read_bytes() == CONTENT
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [file.name for file in target.parent.iterdir()] == [target.name]


def test_what_is_there_is_not_downloaded_again(server, target):
    download(server.url, MD5, target)
    assert not download(server.url, MD5, target)
    assert len(server.ranges) == 1


def test_a_file_with_another_sum_is_replaced(server, target):
    target.parent.mkdir()
    target.write_bytes(b"old")
    assert download(server.url, MD5, target)
    assert target.read_bytes() == CONTENT


def test_a_broken_download_goes_on_where_it_stopped(server, target):
    server.break_after = 5 * 65_536
    with pytest.raises(DownloadError, match=r"the connection broke off; 327,680 bytes are kept"):
        download(server.url, MD5, target)
    assert not target.exists()
    server.break_after = None
    assert download(server.url, MD5, target)
    assert server.ranges == [None, "bytes=327680-"]
    assert target.read_bytes() == CONTENT


def test_a_server_without_ranges_starts_over(server, target):
    server.break_after = 5 * 65_536
    with pytest.raises(DownloadError):
        download(server.url, MD5, target)
    server.break_after, server.honours_ranges = None, False
    assert download(server.url, MD5, target)
    assert target.read_bytes() == CONTENT


def test_a_part_that_was_whole_needs_no_more(server, target):
    target.parent.mkdir()
    target.with_name(target.name + ".part").write_bytes(CONTENT)
    assert download(server.url, MD5, target)
    assert target.read_bytes() == CONTENT


def test_a_wrong_sum_leaves_nothing(server, target):
    server.content = b"x" + CONTENT[1:]
    with pytest.raises(DownloadError, match=f"expected a file with MD5 {MD5}.*nothing was kept"):
        download(server.url, MD5, target)
    assert list(target.parent.iterdir()) == []
    server.content = CONTENT
    assert download(server.url, MD5, target)


def test_without_network_the_message_says_so(server, target):
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(DownloadError, match="did not finish: the server cannot be reached"):
        download(server.url, MD5, target)
    assert not target.exists()


def test_a_server_that_refuses_is_named(server, target):
    with pytest.raises(DownloadError, match="the server answered 404 Not Found$"):
        download(server.url + ".zip", MD5, target)
    assert list(target.parent.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DownloadError, match="cannot be written"):
        download(server.url, MD5, tmp_path / "cache" / "x.tar.gz")


def offer(monkeypatch, archive):
    """IMDB's archive is this one."""
    monkeypatch.setitem(registry._sources, "imdb", replace(imdb.SOURCE, archive=archive))


def test_the_verb_fills_the_cache_once(server, tmp_path, monkeypatch, tidegate):
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path))
    offer(monkeypatch, replace(imdb.ARCHIVE, url=server.url, md5=MD5))
    first, second = tidegate("data", "get", "imdb"), tidegate("data", "get", "imdb")
    assert (first.code, second.code, len(server.ranges)) == (0, 0, 1)
    assert first.out.strip() == str(tmp_path / "aclImdb_v1.tar.gz")
    assert "checksum right" in first.err
    assert "downloaded before" in second.err


def test_the_verb_fails_without_traceback(server, tmp_path, monkeypatch, tidegate):
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path))
    offer(monkeypatch, replace(imdb.ARCHIVE, url=server.url))
    outcome = tidegate("data", "get", "imdb")  # the server's bytes have not IMDB's sum
    assert outcome.code == 1
    assert f"expected a file with MD5 {imdb.ARCHIVE.md5}" in outcome.err
    assert "Traceback" not in outcome.err
    assert list(tmp_path.iterdir()) == []
