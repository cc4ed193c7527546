"""One tar to its row: from the disk, over a network that breaks, beside sidecars that fit or do not."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas import tar_index
from schemas.shards_folder import TAR_SUFFIX
from schemas.storage import UNKNOWN_SIZE, Folder
from schemas.tar_index import TarToIndex, tar_row, tars_to_index
from tests.support.byte_server import serve
from tests.support.foreign_shards import write_img2dataset
from tests.support.small_shards import picture, write_shards, write_tar


def rows_of(path: Path | str) -> list[dict[str, Any]]:
    folder = Folder(str(path))
    return [tar_row(tar, folder).to_pylist()[0] for tar in tars_to_index(folder, folder.sizes(TAR_SUFFIX))]


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    return write_img2dataset(tmp_path / "shards", [40, 3])


def test_img2datasets_shards_with_their_sidecars(shards: Path) -> None:
    assert [(row["tar"], row["samples"]) for row in rows_of(shards)] == [("00000.tar", 32), ("00001.tar", 3)]


def test_a_sidecar_of_another_tar_is_named(shards: Path) -> None:
    shutil.copy(shards / "00001.parquet", shards / "00000.parquet")
    with pytest.raises(ValueError, match=r"00000\.parquet: no success of key '000000000', a sample of 00000\.tar"):
        rows_of(shards)


def test_a_sidecar_that_has_more_is_named(shards: Path) -> None:
    table = pq.read_table(shards / "00000.parquet").to_pylist()
    table.append({"url": "u", "key": "999", "status": "success"})
    pq.write_table(pa.Table.from_pylist(table), shards / "00000.parquet")
    with pytest.raises(ValueError, match=r"00000\.parquet: key '999' is no sample of 00000\.tar"):
        rows_of(shards)


def test_counts_of_another_tar_are_named(shards: Path) -> None:
    shutil.copy(shards / "00001_stats.json", shards / "00000_stats.json")
    with pytest.raises(ValueError, match=r"00000_stats\.json: 3 successes, 32 keys in 00000\.tar"):
        rows_of(shards)


@pytest.mark.parametrize("stats", [{"count": 3}, {"successes": "3"}, {"successes": None}], ids=["none", "text", "null"])
def test_files_of_other_tools_are_left_alone(shards: Path, stats: dict[str, Any]) -> None:
    (shards / "00000_stats.json").write_text(json.dumps(stats))
    (shards / "00000.parquet").write_bytes(b"no parquet")
    assert len(rows_of(shards)) == 2


def test_keys_that_are_numbers_are_not_compared(shards: Path) -> None:
    pq.write_table(pa.table({"key": [1, 2], "status": ["success"] * 2}), shards / "00001.parquet")
    assert len(rows_of(shards)) == 2


def test_sidecars_that_cannot_be_read_are_named(shards: Path) -> None:
    (shards / "00001.parquet").write_bytes(b"no parquet")
    with pytest.raises(ValueError, match=r"00001\.parquet: expected a Parquet file"):
        rows_of(shards)
    (shards / "00001_stats.json").write_bytes(b"{")
    with pytest.raises(ValueError, match=r"00001_stats\.json: expected JSON"):
        rows_of(shards)


def test_an_image_that_is_no_sample_is_still_a_success(shards: Path) -> None:
    write_tar(shards / "00001.tar", [("000010000.jpg", picture(0)), ("000010001.jpg", b""), ("000010002.txt", b"x")])
    assert [row["left_out"] for row in rows_of(shards)] == [0, 2]


def test_a_key_twice_is_named(tmp_path: Path) -> None:
    write_tar(tmp_path / "0.tar", [("a.png", picture(0)), ("b.png", picture(1)), ("a.png", picture(2))])
    with pytest.raises(ValueError, match=rf"^{tmp_path}/0\.tar: expected each key once, two samples have 'a'"):
        rows_of(tmp_path)


def test_shards_of_two_kinds_are_told_by_one_of_each(shards: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not refused: a download that was broken off leaves such a folder, and it trains."""
    assert len(rows_of(shards)) == 2
    assert not caplog.text
    write_tar(shards / "plain.tar", [("a.png", picture(0))])
    assert len(rows_of(shards)) == 3
    assert "two kinds are mixed: 00000.tar has a 00000_stats.json beside it, plain.tar has none" in caplog.text


def test_two_tars_put_together_are_read_both(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_tar(tmp_path / "0.tar", [("a.png", picture(0))])
    write_tar(tmp_path / "1.tar", [("b.png", picture(1)), ("c.png", picture(2))])
    both = (tmp_path / "0.tar").read_bytes() + (tmp_path / "1.tar").read_bytes()
    (tmp_path / "1.tar").write_bytes(both)
    assert [(row["samples"], row["is_whole"]) for row in rows_of(tmp_path)] == [(1, True), (3, True)]
    assert not caplog.text
    (tmp_path / "1.tar").write_bytes(both + b"junk")
    assert [(row["samples"], row["is_whole"]) for row in rows_of(tmp_path)] == [(1, True), (3, False)]
    assert f"1.tar is damaged: at byte {len(both)} stands no header" in caplog.text


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_index, "PAUSES_S", (0.0, 0.0))


@pytest.fixture
def in_memory(shards: Path) -> Iterator[str]:
    fs = fsspec.filesystem("memory")
    for path in shards.iterdir():
        fs.pipe_file(f"/tar-index/{path.name}", path.read_bytes())
    yield "memory://tar-index"
    fs.rm("/tar-index", recursive=True)


def test_a_tar_elsewhere_is_read_in_pieces(
    shards: Path, in_memory: str, monkeypatch: pytest.MonkeyPatch, no_pauses: None
) -> None:
    """Every second request fails or comes short; each byte is in the copy once."""
    monkeypatch.setattr(tar_index, "PIECE_BYTES", 100_000)
    folder = Folder(in_memory)
    whole, asked = folder.fs.cat_file, []

    def flaky(path: str, start: int | None = None, end: int | None = None, **more: Any) -> bytes:
        asked.append((start, end))
        if path.endswith(".tar") and len(asked) % 4 == 1:
            raise ConnectionResetError("gone")
        return bytes(whole(path, start=start, end=end, **more))[: None if len(asked) % 4 != 3 else 10_000]

    monkeypatch.setattr(folder.fs, "cat_file", flaky)
    tars = [
        TarToIndex(tar.folder, tar.name, tar.bytes, False, "") for tar in tars_to_index(folder, folder.sizes(".tar"))
    ]
    assert [tar_row(tar, folder).to_pylist()[0] for tar in tars] == rows_of(shards)
    assert len(asked) > len(set(asked)) > 4


def test_a_tar_that_never_comes_is_an_error_that_names_it(
    in_memory: str, monkeypatch: pytest.MonkeyPatch, no_pauses: None
) -> None:
    folder = Folder(in_memory)

    def broken(*_: Any, **__: Any) -> bytes:
        raise ConnectionResetError("gone")

    monkeypatch.setattr(folder.fs, "cat_file", broken)
    with pytest.raises(OSError, match=r"00000\.tar: ConnectionResetError: gone; run the command again"):
        tar_row(TarToIndex(in_memory, "00000.tar", 5, False, ""), folder)


@pytest.mark.parametrize("way", ["range", "whole", "flaky", "busy"])
def test_a_web_server_with_its_faults(tmp_path: Path, no_pauses: None, way: str) -> None:
    """A server that knows no ranges, one that breaks off each second answer, one that says 503 each second time."""
    path = write_shards(tmp_path / "a", 20, 20)
    expected = rows_of(path)
    with serve({"00000.tar": (path / "00000.tar").read_bytes()}) as address:
        folder = Folder(f"{address}/{way}")
        for _ in range(2):
            row = tar_row(TarToIndex(folder.url, "00000.tar", UNKNOWN_SIZE, False, ""), folder)
            assert [row.to_pylist()[0]] == expected


def test_a_tar_that_is_gone(tmp_path: Path) -> None:
    with serve({}) as address:
        with pytest.raises(FileNotFoundError):
            tar_row(TarToIndex(address, "0.tar", UNKNOWN_SIZE, False, ""), Folder(f"{address}/range"))
    with pytest.raises(FileNotFoundError):
        tar_row(TarToIndex(str(tmp_path), "0.tar", 5, False, ""), Folder(str(tmp_path)))


def test_a_tar_written_again_has_another_mark(tmp_path: Path) -> None:
    write_shards(tmp_path, 20, 20)
    folder = Folder(str(tmp_path))
    before = tars_to_index(folder, folder.sizes(TAR_SUFFIX))
    assert tars_to_index(folder, folder.sizes(TAR_SUFFIX)) == before
    (tmp_path / "00000.tar").write_bytes((tmp_path / "00000.tar").read_bytes())
    assert tars_to_index(folder, folder.sizes(TAR_SUFFIX)) != before
