"""A folder's files are written whole or not at all, on a disk and on a store."""

import json
import os
from pathlib import Path

import pytest

from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder, canonical_json

RECORD = RunRecord(command="pipeline collect", config={"cap": 5, "deep": {"rule": "normalised"}})


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))

    def write_half() -> None:
        with folder.writing("x.bin") as sink:
            sink.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_is_no_file_and_is_deleted(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    (tmp_path / ".tmp-123-x.parquet").write_bytes(b"half")
    assert folder.names(suffix=".parquet") == []
    folder.delete_temporaries()
    assert list(tmp_path.iterdir()) == []


def test_create_is_exclusive(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "new"))
    assert folder.create("run.json", b"first")
    assert not folder.create("run.json", b"second")
    assert folder.read("run.json") == b"first"


def test_memory_filesystem_works_as_a_folder() -> None:
    folder = Folder("memory://bucket/out")
    assert start_run(folder, RECORD)
    with folder.writing("a/b.bin") as sink:
        sink.write(b"data")
    assert folder.names("a", ".bin") == ["a/b.bin"]
    assert Folder(folder.url).read("a/b.bin") == b"data"
    assert not folder.create("a/b.bin", b"other")


def test_json_keeps_a_name_that_is_no_utf8() -> None:
    body = {"file": os.fsdecode(b"caf\xe9.jpg"), "other": "Zürich"}
    written = canonical_json(body)
    assert "Zürich" in written.decode()
    assert json.loads(written) == body
