"""OpenAI's vocabulary: downloaded once and checked, kept, and an error that names address and path."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.foreign_models import small_tokenizer
from tests.unit.trainer.weights.test_vocabulary_files import merge_list
from trainer.weights.openai_vocabulary import NAME, openai_vocabulary
from trainer.weights.vocabulary_files import tokenizer_of_list

DATA = gzip.compress(merge_list(small_tokenizer(12)), mtime=0)
SHA256 = hashlib.sha256(DATA).hexdigest()


@dataclass
class Served:
    address: str
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Served]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            found = self.path.endswith(NAME)
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(DATA) if found else 0))
            self.end_headers()
            self.wfile.write(DATA if found else b"")

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Served(f"http://127.0.0.1:{server.server_port}/clip/{NAME}", asked)
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_is_downloaded_once(served: Served, tmp_path: Path) -> None:
    for _ in range(2):
        assert openai_vocabulary(served.address, SHA256) == DATA
    assert served.asked == [f"/clip/{NAME}"]
    assert (tmp_path / "cache" / "webimagetext" / NAME).read_bytes() == DATA
    assert tokenizer_of_list(DATA, NAME, 12).vocab_size > 514


def test_a_damaged_copy_is_not_taken(served: Served, tmp_path: Path) -> None:
    kept = tmp_path / "cache" / "webimagetext" / NAME
    kept.parent.mkdir(parents=True)
    kept.write_bytes(DATA[:-1])
    assert openai_vocabulary(served.address, SHA256) == DATA
    assert kept.read_bytes() == DATA


def test_another_file_at_the_address_is_refused(served: Served, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=rf"{NAME} has the SHA-256 {SHA256}, expected 00; fetch it elsewhere"):
        openai_vocabulary(served.address, "00")
    assert not (tmp_path / "cache" / "webimagetext" / NAME).exists()


def test_an_error_names_address_and_path(served: Served, tmp_path: Path) -> None:
    address = served.address.removesuffix(NAME) + "gone"
    with pytest.raises(OSError, match="cannot be downloaded") as refused:
        openai_vocabulary(address, SHA256)
    assert address in str(refused.value)
    assert str(tmp_path / "cache" / "webimagetext" / NAME) in str(refused.value)


def test_an_installed_package_has_it(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "open_clip"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('never imported')")
    (package / NAME).write_bytes(DATA)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert openai_vocabulary(served.address, SHA256) == DATA
    assert served.asked == []
