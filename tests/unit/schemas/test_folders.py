"""Folders: claimed by one run, finished by a manifest, written whole or not at all."""

from pathlib import Path

import pyarrow as pa
import pytest

from schemas.input_files import expand_glob
from schemas.manifest import read_files, read_manifest, write_manifest
from schemas.rejection import MAX_VALUE_BYTES, REJECTIONS, Rejection, rejections
from schemas.run_record import FolderConflict, RunRecord, start_run
from schemas.storage import Folder
from schemas.tables import check_schema, read_table, write_table

RECORD = RunRecord(command="pipeline collect", config={"cap": 5, "deep": {"rule": "normalised"}})


def test_the_same_run_resumes_and_a_finished_one_is_told(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "out"))
    assert start_run(folder, RECORD)
    assert start_run(folder, RECORD)
    write_manifest(folder, "candidates", [], rows=0, identity=RECORD.identity, summary={})
    assert not start_run(folder, RECORD)


def test_another_run_is_refused_with_the_difference(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "out"))
    start_run(folder, RECORD)
    other = RunRecord(command="pipeline collect", config={"cap": 6, "deep": {"rule": "normalised"}})
    with pytest.raises(FolderConflict, match=r"config\.cap: 5 -> 6"):
        start_run(folder, other)


def test_a_folder_of_strange_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(FolderConflict, match=r"mine\.txt"):
        start_run(Folder(str(tmp_path)), RECORD)


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


def test_a_glob_that_matches_nothing_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\*\.parquet"):
        expand_glob(f"{tmp_path}/nothing*.parquet")


def test_wrong_columns_name_file_column_and_type(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    (tmp_path / "x.parquet").write_bytes(b"no parquet")
    with pytest.raises(ValueError, match=r"x\.parquet: expected a Parquet file"):
        read_table(folder, "x.parquet")
    wrong = pa.table({"stage": ["collect"]})
    with pytest.raises(ValueError, match=r"somewhere: no column 'reason'|somewhere: column 'reason'"):
        check_schema(wrong, REJECTIONS, "somewhere")


def test_a_rejected_value_is_cut_and_stays_text() -> None:
    broken = [("caption_not_utf8", "f", 0, b"\xff" * 5000), ("url_missing", "f", 1, "é" * 5000)]
    table = rejections("collect", [Rejection(*row) for row in broken])
    values = table["value"].to_pylist()
    assert all(len(value) <= MAX_VALUE_BYTES for value in values)
    assert values[1] == "é" * (MAX_VALUE_BYTES // 2)


def test_an_unknown_reason_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="add it to schemas/rejection"):
        rejections("collect", [Rejection("because", "f", 0, None)])


@pytest.mark.parametrize("kind", ["queries", "candidates", "selection", "shards"])
def test_what_lies_directly_in_a_folder_is_one_table_and_the_card_names_it(tmp_path: Path, kind: str) -> None:
    folder = Folder(str(tmp_path))
    write_manifest(folder, kind, [], rows=0, identity="x", summary={})
    assert not list(tmp_path.glob("*.parquet"))
    card = (tmp_path / "README.md").read_text()
    pattern = {"queries": "queries.parquet", "shards": "*.tar"}.get(kind, "*.parquet")
    assert card.startswith(f'---\nconfigs:\n- config_name: default\n  data_files: "{pattern}"\n---\n# ')


def test_an_older_folder_has_its_list_of_files_in_itself(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    record = folder.write("00000.parquet", b"x", 1)
    write_manifest(folder, "candidates", [record], rows=1, identity="x", summary={})
    (tmp_path / "tables" / "files.parquet").rename(tmp_path / "files.parquet")
    assert read_files(folder) == [record]
