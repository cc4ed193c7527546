"""The manifest finishes a folder; of an absent, unfinished, foreign or newer one it is told what it is."""

from pathlib import Path

import pytest

from schemas.manifest import read_files, read_manifest, write_manifest
from schemas.rejection import REJECTIONS, Rejection, rejections
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from schemas.tables import write_table

RECORD = RunRecord(command="pipeline collect", config={"cap": 5, "deep": {"rule": "normalised"}})


def test_unfinished_absent_and_foreign_folders_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"):
        read_manifest(Folder(str(tmp_path / "none")), "candidates")
    folder = Folder(str(tmp_path / "out"))
    start_run(folder, RECORD)
    with pytest.raises(FileNotFoundError, match="unfinished"):
        read_manifest(folder, "candidates")
    write_manifest(folder, "candidates", [], rows=0, identity="x", summary={})
    with pytest.raises(ValueError, match="expected a selection folder, found kind 'candidates'"):
        read_manifest(folder, "selection")


@pytest.mark.parametrize(("version", "readable"), [("1.0", True), ("1.99", False), ("2.0", False), ("x", False)])
def test_schema_versions(tmp_path: Path, version: str, readable: bool) -> None:
    folder = Folder(str(tmp_path / "out"))
    write_manifest(folder, "shards", [], rows=0, identity="x", summary={})
    folder.write_json("manifest.json", {**folder.read_json("manifest.json"), "schema": version})
    if readable:
        assert read_manifest(folder, "shards")["schema"] == version
    else:
        with pytest.raises(ValueError, match="cannot be read by this version"):
            read_manifest(folder, "shards")


def test_files_and_manifest_are_the_same_bytes_again(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        folder = Folder(str(tmp_path / name))
        table = rejections("collect", [Rejection("url_missing", "f.parquet", 3, None)])
        record = write_table(folder, "rejections/x.parquet", table, REJECTIONS)
        write_manifest(folder, "candidates", [record], rows=1, identity="x", summary={"b": 1, "a": 2})
        assert read_files(folder) == [record]
        found.append([folder.read(file) for file in ("manifest.json", "tables/files.parquet", "rejections/x.parquet")])
    assert found[0] == found[1]


def test_a_list_of_files_that_is_gone_is_named(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "out"))
    write_manifest(folder, "shards", [], rows=0, identity="x", summary={})
    (tmp_path / "out" / "tables" / "files.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"out/tables/files\.parquet: the list of files .* is gone; restore it"):
        read_files(folder)
