"""Images made to break decoders, and bytes that only say that they are images, over real HTTP.

The shard is complete, each image has a stated outcome, and no decoder crashes.
"""

import gzip
import zlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.download.config import DownloadConfig
from pipeline.download.job import run_download
from tests.support.download import make_selection, picture
from tests.support.raw_server import raw_server
from tests.support.waiting import PATIENCE_S

DECODE_REASONS = {
    None, "not_an_image", "format_not_allowed", "image_truncated", "too_many_pixels", "decode_failed",
    "decode_timed_out",
}  # fmt: skip
"""What may become of an image file; a decoder that crashes is a fault of ours."""

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><html><body><img src=a.jpg></body></html>"

DISGUISED: dict[str, tuple[bytes, str | None]] = {
    "SVG": (SVG, "not_an_image"),
    "SVG in gzip": (gzip.compress(SVG, mtime=0), "not_an_image"),
    "HTML": (HTML, "not_an_image"),
    "HTML, then a JPEG": (HTML + picture(), "not_an_image"),
    "a JPEG, then HTML": (picture() + HTML, None),
    "a JPEG, then a ZIP archive's start": (picture() + b"PK\x03\x04" + bytes(100), None),
    "a PNG, then a JPEG": (picture("PNG") + picture(), None),
    "GIF89a in a script": (b"GIF89a/*" + b"a" * 100 + b"*/=1;alert(1)", "decode_failed"),
    "a JPEG's start alone": (b"\xff\xd8\xff", "image_truncated"),
    "nothing": (b"", "not_an_image"),
    "zeros": (bytes(10_000), "not_an_image"),
}
"""Bodies sent as image/jpeg."""

BOMBS = {
    "a deflate bomb": (b"deflate", zlib.compress(bytes(64 << 20), 9)),
    "a raw deflate bomb": (b"deflate", zlib.compress(bytes(64 << 20), 9)[2:-4]),
    "a gzip bomb of many members": (b"gzip", gzip.compress(bytes(8 << 20), mtime=0) * 8),
}


def answer(body: bytes, coding: bytes = b"") -> bytes:
    fields = b"Content-Encoding: %s\r\n" % coding if coding else b""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n" % len(body)
    return head + fields + b"\r\n" + body


def outcomes(tmp_path: Path, answers: dict[str, bytes]) -> dict[str, str | None]:
    """Return name -> reason after a run over all `answers`, in the one shard there is."""
    with raw_server(answers) as server:
        urls = {server.url(name): name for name in answers}
        make_selection(str(tmp_path / "selection"), [[(url, "x") for url in urls]])
        config = DownloadConfig(
            selection=str(tmp_path / "selection"), output=str(tmp_path / "shards"), allow_private_addresses=True,
            timeout_s=PATIENCE_S, retries=0, num_decode_processes=1, image_size=32, max_body_bytes=4 << 20,
        )  # fmt: skip
        manifest, _ = run_download(config)
    assert manifest["summary"]["images_planned"] == len(answers)
    names = ("00000.parquet", "without-images-00000.parquet")
    (table,) = (tmp_path / "shards" / name for name in names if (tmp_path / "shards" / name).exists())
    return {urls[row["url"]]: row["reason"] for row in pq.read_table(table).to_pylist()}


def test_what_only_says_that_it_is_an_image_and_what_is_more_than_one_thing(tmp_path: Path) -> None:
    answers = {name: answer(body) for name, (body, _) in DISGUISED.items()}
    answers |= {name: answer(body, coding) for name, (coding, body) in BOMBS.items()}
    found = outcomes(tmp_path, answers)
    assert found == {name: reason for name, (_, reason) in DISGUISED.items()} | dict.fromkeys(BOMBS, "body_too_large")


@pytest.mark.slow
def test_every_malformed_image_there_is(tmp_path: Path, shared_data: Path) -> None:
    files = sorted(path for path in (shared_data / "hostile_images").rglob("*") if path.is_file())
    if not files:
        pytest.skip("no hostile images among the shared data")
    answers = {f"{number}": answer(path.read_bytes()) for number, path in enumerate(files)}
    found = outcomes(tmp_path, answers)
    assert len(found) == len(files)
    assert set(found.values()) <= DECODE_REASONS | {"body_too_large"}
    assert any(reason is None for reason in found.values())
