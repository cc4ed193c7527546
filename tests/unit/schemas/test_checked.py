"""What files hold is checked before it is used: numbers, Arrow's offsets, JSON, the bytes that were noted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest

from schemas.checked import check_arrow, check_indices, check_numbering
from schemas.manifest import read_files, read_manifest, write_manifest
from schemas.query import QUERIES
from schemas.query_list import read_queries
from schemas.storage import Folder
from schemas.tables import read_stream, read_table, write_stream, write_table
from tests.conftest import write_queries

INT = pa.int32()


@pytest.mark.parametrize(
    ("values", "found"),
    [([0, 1, -5], "-5"), ([0, 1, 3], "3"), ([0, 1, 2_000_000_000], "2000000000"), ([0, None, 1], "1 nulls")],
    ids=["negative", "one-too-high", "far-too-high", "null"],
)
def test_numbers_outside_are_refused_with_the_file(values: list[int | None], found: str) -> None:
    column = pa.array(values, INT)
    for check in (
        lambda: check_indices(column, 3, "a.parquet", "ids"),
        lambda: check_numbering(column, "a.parquet", "ids"),
    ):
        with pytest.raises(
            ValueError, match=rf"^a\.parquet: ids must be .*, found {found}; the file was changed or damag"
        ):
            check()


def test_a_number_that_stands_twice_is_no_numbering_and_an_order_of_its_own_is_one() -> None:
    with pytest.raises(ValueError, match=r"ids must be 0 \.\. 2, each once, found 0 3 times"):
        check_numbering(pa.array([0, 0, 0], INT), "a.parquet", "ids")
    for right in ([], [0], [2, 0, 1]):
        check_numbering(pa.array(right, INT), "a.parquet", "ids")
        check_indices(pa.chunked_array([pa.array(right, INT)]), 3, "a.parquet", "ids")


def test_offsets_of_an_arrow_file_are_checked(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("text", pa.large_string())])
    with ipc.new_stream(tmp_path / "x.arrow", schema) as writer:
        writer.write_table(pa.table({"text": pa.array(["aaaa", "bbbb"], pa.large_string())}, schema))
    data = (tmp_path / "x.arrow").read_bytes()
    offsets = np.array([0, 4, 8], np.int64).tobytes()
    assert data.count(offsets) == 1
    (tmp_path / "x.arrow").write_bytes(data.replace(offsets, np.array([0, 6, 8], np.int64).tobytes()))
    assert [table["text"].to_pylist() for table in read_stream(Folder(str(tmp_path)), "x.arrow")] == [["aaaabb", "bb"]]
    (tmp_path / "x.arrow").write_bytes(data.replace(offsets, np.array([0, 9, 8], np.int64).tobytes()))
    with pytest.raises(ValueError, match=r"x\.arrow: .*; the file was changed or damaged"):
        list(read_stream(Folder(str(tmp_path)), "x.arrow"))
    check_arrow(pa.table({"text": ["é"]}), "y")


QUERY_IDS = {
    "negative": [0, 1, -5], "far too high": [0, 1, 2_000_000_000], "each the same": [0, 0, 0], "one missing": [0, 1, 3],
}  # fmt: skip


@pytest.mark.parametrize("ids", QUERY_IDS.values(), ids=[name.replace(" ", "-") for name in QUERY_IDS])
def test_queries_whose_ids_are_no_numbering_are_refused_though_their_hash_is_right(
    tmp_path: Path, ids: list[int]
) -> None:
    rewrite_queries(tmp_path, lambda table: table.set_column(0, QUERIES.field(0), pa.array(ids, INT)))
    with pytest.raises(ValueError, match=r"queries\.parquet: query ids must be 0 .. 2, each once, found"):
        read_queries(Folder(str(tmp_path)))


def test_queries_come_in_the_order_of_their_ids(tmp_path: Path) -> None:
    rewrite_queries(tmp_path, lambda table: table.take([2, 0, 1]))
    assert read_queries(Folder(str(tmp_path)))["surface"].to_pylist() == ["red", "dog", "cat"]


def rewrite_queries(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Write a finished queries folder of three queries, changed, with the right hashes."""
    folder = Folder(write_queries(path, ["red", "dog", "cat"]))
    table = change(read_table(folder, "queries.parquet", QUERIES))
    record = write_table(folder, "queries.parquet", table, QUERIES)
    write_manifest(folder, "queries", [record], rows=len(table), identity="x", summary={})


def flipped(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_a_changed_byte_is_told_with_the_file(tmp_path: Path) -> None:
    write_queries(tmp_path, ["red", "dog", "cat"])
    size = (tmp_path / "queries.parquet").stat().st_size
    flipped(tmp_path / "queries.parquet", size // 2)
    with pytest.raises(ValueError, match=r"queries\.parquet: found the SHA-256 \w+, not the \w+ noted when it was wri"):
        read_queries(Folder(str(tmp_path)))
    with (tmp_path / "queries.parquet").open("ab") as file:
        file.write(b"more")
    with pytest.raises(ValueError, match=rf"queries\.parquet: found {size + 4} bytes, not the {size} noted"):
        read_queries(Folder(str(tmp_path)))


def test_a_stream_is_compared_with_its_record(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    schema = pa.schema([pa.field("n", pa.int64(), nullable=False)])
    tables = [pa.table({"n": range(1000)}, schema)] * 3
    record = write_stream(folder, "x.arrow", tables, schema)
    assert list(read_stream(folder, "x.arrow", record)) == tables
    (tmp_path / "x.arrow").write_bytes((tmp_path / "x.arrow").read_bytes() + b"more")
    with pytest.raises(ValueError, match=r"x\.arrow: found \d+ bytes, not the \d+ noted when it was written"):
        list(read_stream(folder, "x.arrow", record))


def test_the_list_of_files_is_that_of_the_manifest(tmp_path: Path) -> None:
    folder = Folder(write_queries(tmp_path, ["red"]))
    for path in (tmp_path / "tables/files.parquet", tmp_path / "manifest.json"):
        before = path.read_bytes()
        if path.suffix == ".json":
            path.write_text(json.dumps({**json.loads(before), "files_sha256": "0" * 64}))
        else:
            flipped(path, len(before) // 2)
        with pytest.raises(
            ValueError, match=r"tables/files\.parquet: not the list of files that .*manifest\.json was wr"
        ):
            read_files(folder)
        path.write_bytes(before)
    assert [record.name for record in read_files(folder)] == ["queries.parquet"]


@pytest.mark.parametrize(
    "name", ["../x.parquet", "/etc/passwd", "a//b", ""], ids=["up", "absolute", "empty-part", "none"]
)
def test_a_list_of_files_names_none_outside_of_its_folder(tmp_path: Path, name: str) -> None:
    folder = Folder(str(tmp_path))
    record = folder.write("x.parquet", b"x")
    write_manifest(folder, "candidates", [type(record)(name, 0, 1, record.sha256)], rows=0, identity="x", summary={})
    with pytest.raises(ValueError, match=r"tables/files\.parquet: expected a file in the folder and its size, found"):
        read_files(folder)


BROKEN_JSON: dict[str, tuple[bytes, str]] = {
    "not UTF-8": (b'{"schema": "\xff"}', "expected JSON in UTF-8"),
    "cut off": (b'{"schema": "1.4", "ki', "expected JSON in UTF-8"),
    "a list": (b"[1, 2]", "expected a JSON object, found list"),
    "deep": (b"[" * 100_000, "expected JSON in UTF-8"),
    "a key renamed": (
        b'{"schema": "1.4", "kind": "queries", "raws": 3}', "expected a key 'rows', found 'schema', 'kind', 'raws'",
    ),
    "a text for a number": (
        b'{"schema": "1.4", "kind": "queries", "rows": "3"}', "expected 'rows' to be a whole number from 0, found '3'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "said"), BROKEN_JSON.values(), ids=[name.replace(" ", "-") for name in BROKEN_JSON])
def test_a_manifest_that_is_broken_is_named(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "manifest.json").write_bytes(data)
    with pytest.raises(ValueError, match=rf"^\S*manifest\.json: {said}") as error:
        read_manifest(Folder(str(tmp_path)), "queries")
    assert "\n" not in str(error.value)


def test_a_missing_key_is_told_at_any_depth_and_the_object_is_a_dict_in_all_else(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    folder.write_json("x.json", {"a": {"b": [{"c": 1}]}})
    found = folder.read_json("x.json")
    assert found == {"a": {"b": [{"c": 1}]}}
    assert found.get("z") is None
    deepest: Any = found["a"]["b"][0]
    for part in (found, found["a"], deepest):
        with pytest.raises(
            ValueError, match=r"x\.json: expected a key 'z', found 'a|x\.json: expected a key 'z', found"
        ):
            part["z"]


def test_parquet_that_arrow_cannot_read_is_named(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    pq.write_table(pa.table({"a": [1, 2, 3]}), tmp_path / "x.parquet")
    whole = (tmp_path / "x.parquet").read_bytes()
    for place in range(4, len(whole), 3):
        (tmp_path / "x.parquet").write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            read_table(folder, "x.parquet")
        except ValueError as error:
            assert str(error).startswith(f"{tmp_path}/x.parquet: ")  # noqa: PT017 (which of them fail is Arrow's)
