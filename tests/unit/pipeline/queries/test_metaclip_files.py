"""MetaCLIP's metadata.json in, a queries folder; a selection's counts out as entry_counts.json."""

import gzip
import json
import lzma
import os
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.queries.metaclip_files import (
    entry_counts,
    listed_entries,
    metadata_queries,
    queries_folder,
    write_entry_counts,
)
from schemas.candidate import QUERY_COUNTS
from schemas.manifest import read_manifest
from schemas.query import QUERIES
from schemas.run_record import FolderConflict
from schemas.storage import Folder
from schemas.tables import read_table, write_table


def queries_dir(queries: str, output: str) -> str:
    with queries_folder(queries, output) as folder:
        return folder.url


def written(path: Path, value: object) -> str:
    path.write_text(json.dumps(value))
    return str(path)


def test_metadata_becomes_a_queries_folder_once(tmp_path: Path) -> None:
    path = written(tmp_path / "metadata.json", ["Abbey Road", "St. Louis", "abbey road", "!!", " x"])
    output = str(tmp_path / "candidates")
    folder = Folder(queries_dir(path, output))
    assert folder.url == f"{output}-queries"
    assert read_manifest(folder, "queries")["rows"] == 5
    table = read_table(folder, "queries.parquet", QUERIES)
    assert table["query_id"].to_pylist() == [0, 1, 2, 3, 4]
    assert table["surface"].to_pylist() == ["Abbey Road", "St. Louis", "abbey road", "!!", " x"]
    assert table["text"].to_pylist() == ["abbey road", "st louis", "abbey road", "", "x"]
    assert set(table["language"].to_pylist()) == {"und"}
    before = folder.read("manifest.json")
    assert queries_dir(path, output) == folder.url
    assert folder.read("manifest.json") == before
    written(tmp_path / "metadata.json", ["other"])
    with pytest.raises(FolderConflict, match="belongs to another run"):
        queries_dir(path, output)


def test_a_folder_is_taken_as_it_is() -> None:
    assert queries_dir("some/queries", "out") == f"{os.getcwd()}/some/queries"


def test_files_of_many_languages(tmp_path: Path) -> None:
    written(tmp_path / "en.json", ["a", "b"])
    written(tmp_path / "zh_yue.json", {"a": "w", "c": ""})
    table = read_table(Folder(queries_dir(f"{tmp_path}/*.json", str(tmp_path / "out"))), "queries.parquet", QUERIES)
    found = list(zip(table["surface"].to_pylist(), table["language"].to_pylist(), strict=True))
    assert found == [("a", "en"), ("b", "en"), ("a", "zh_yue"), ("c", "zh_yue")]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param(b"[", "m.json: expected a JSON list of texts, .* found no JSON", id="cut"),
        pytest.param(b"[]", "m.json: .* found an empty one", id="empty"),
        pytest.param(b'["a", 5]', "m.json: expected texts only, found entry 1: 5; correct the file", id="number"),
        pytest.param(b'["a", "\\ud800"]', "m.json: .* found entry 1: ", id="surrogate"),
        pytest.param(b'{"set A": ["cat", "dog"]}', "m.json: .*'set A' is list of 2 entries", id="label sets"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(tmp_path: Path, raw: bytes, message: str) -> None:
    (tmp_path / "m.json").write_bytes(raw)
    with pytest.raises(ValueError, match=message):
        queries_dir(str(tmp_path / "m.json"), str(tmp_path / "out"))
    assert not (tmp_path / "out-queries").exists()


def test_repeated_entries_count_once_and_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "metadata.json", ["cat", "dog", "cat", "Cat", "cat"])
    folder = Folder(queries_dir(path, str(tmp_path / "out")))
    assert read_table(folder, "queries.parquet", QUERIES)["surface"].to_pylist() == ["cat", "dog", "Cat"]
    assert read_manifest(folder, "queries")["summary"] == {"entries": 5, "empty": 0, "repeated": 2}
    assert capsys.readouterr().err == f"note: {path}: 2 of 5 entries repeat one before\n"


def test_empty_entries_are_no_queries_and_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "metadata.json", ["cat", "", " ", "dog"])
    folder = Folder(queries_dir(path, str(tmp_path / "out")))
    assert read_table(folder, "queries.parquet", QUERIES)["surface"].to_pylist() == ["cat", "dog"]
    assert read_manifest(folder, "queries")["summary"] == {"entries": 4, "empty": 2, "repeated": 0}
    assert capsys.readouterr().err == f"note: {path}: 2 of 4 entries are empty and left out\n"


def test_counts_in_metaclips_layout(tmp_path: Path) -> None:
    queries = metadata_queries(
        [
            (name, listed_entries(name, raw))
            for name, raw in (("en.json", b'["The", "the", "b"]'), ("de.json", b'["b"]'))
        ]
    )
    counts = pa.Table.from_pylist(
        [
            {"query_id": i, "matched": n, "kept": 0, "selected": 0, "fetched": 0}
            for i, n in enumerate([7, 0, 20_001, 4])
        ],
        schema=QUERY_COUNTS,
    )
    assert entry_counts(queries, counts) == {"The": 7, "the": 0, "b": 20_005}
    folder = Folder(str(tmp_path))
    write_table(folder, "queries.parquet", queries, QUERIES)
    write_table(folder, "query_counts.parquet", counts, QUERY_COUNTS)
    record = write_entry_counts(folder)
    raw = (tmp_path / record.name).read_bytes()
    assert (record.name, record.bytes) == ("entry_counts.json", len(raw))
    assert list(json.loads(raw).items()) == [("The", 7), ("the", 0), ("b", 20_005)]


@pytest.mark.parametrize("name", ["list.txt", "LIST.TXT", "list.txt.gz", "words", "list.json.xz"])
def test_a_list_of_any_kind_is_a_list(tmp_path: Path, name: str) -> None:
    texts = json.dumps(["red fox", "cat", "cat"]) if ".json" in name else "\ufeffred fox\r\ncat\r\n\r\ncat\r\n"
    packers = {".gz": partial(gzip.compress, mtime=0), ".xz": lzma.compress}
    raw = next((pack(texts.encode()) for end, pack in packers.items() if name.endswith(end)), texts.encode())
    (tmp_path / name).write_bytes(raw)
    folder = Folder(queries_dir(str(tmp_path / name), str(tmp_path / "out")))
    assert read_table(folder, "queries.parquet", QUERIES)["surface"].to_pylist() == ["red fox", "cat"]
    assert read_manifest(folder, "queries")["summary"] == {"entries": 3, "empty": 0, "repeated": 1}


def test_a_folder_named_as_a_list_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "en.json").mkdir()
    assert queries_dir(str(tmp_path / "en.json"), str(tmp_path / "out")) == str(tmp_path / "en.json")
    with pytest.raises(FileNotFoundError, match=r"no file matches '.*none\.txt'"):
        queries_dir(str(tmp_path / "none.txt"), str(tmp_path / "out"))


def test_a_failed_start_leaves_no_folder_behind(tmp_path: Path) -> None:
    path = written(tmp_path / "q.json", ["cat"])
    with pytest.raises(ValueError, match="the start fails"), queries_folder(path, str(tmp_path / "out")):
        raise ValueError("the start fails")
    assert not (tmp_path / "out-queries").exists()
    with queries_folder(path, str(tmp_path / "out")) as folder:
        pass
    with pytest.raises(ValueError, match="the start fails"), queries_folder(path, str(tmp_path / "out")):
        raise ValueError("the start fails")
    assert folder.exists("manifest.json")  # of a start before
