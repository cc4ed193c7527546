"""MetaCLIP's metadata.json in, a queries folder; a selection's counts out as entry_counts.json."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.match.metaclip_files import entry_counts, metadata_queries, queries_dir, write_entry_counts
from schemas.candidate import QUERY_COUNTS
from schemas.manifest import read_manifest
from schemas.query import QUERIES
from schemas.run_record import FolderConflict
from schemas.storage import Folder
from schemas.tables import read_table, write_table


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
    assert queries_dir("some/queries", "out") == "some/queries"


def test_files_of_many_languages(tmp_path: Path) -> None:
    written(tmp_path / "en.json", ["a", "b"])
    written(tmp_path / "zh_yue.json", {"a": "w", "c": ""})
    table = read_table(Folder(queries_dir(f"{tmp_path}/*.json", str(tmp_path / "out"))), "queries.parquet", QUERIES)
    found = list(zip(table["surface"].to_pylist(), table["language"].to_pylist(), strict=True))
    assert found == [("a", "en"), ("b", "en"), ("a", "zh_yue"), ("c", "zh_yue")]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"[", "m.json: expected a MetaCLIP metadata.json, a list of different texts, found no JSON"),
        (b"\xff\xfe[", "found no JSON"),
        (b"[" * 100_000, "found no JSON"),
        (b"[]", "found list"),
        (b'"a"', "found str"),
        (b'["a", 5]', "m.json: entry 1: expected a text, found '5'"),
        (b'["a", "\\ud800"]', "m.json: entry 1: expected a text"),
        (b'["a", "b", "a"]', "m.json: entry 2, 'a', repeats entry 0"),
    ],
)
def test_what_is_no_metadata_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metadata_queries([("m.json", raw)])


def test_counts_in_metaclips_layout(tmp_path: Path) -> None:
    queries = metadata_queries([("en.json", b'["The", "the", "b"]'), ("de.json", b'["b"]')])
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
