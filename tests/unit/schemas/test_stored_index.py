"""The file of an index: read a group of tars at a time, checked, the same bytes for the same rows."""

from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pytest

from schemas import stored_index
from schemas.shard_index import SHARD_INDEX
from schemas.storage import Folder
from schemas.stored_index import ROWS, index_of_table, read_index, write_index
from schemas.tables import write_table


def table_of(*counts: int) -> pa.Table:
    rows = [
        {
            "tar": f"{number:05d}.tar", "tar_bytes": 1_000 * count + 1_024, "samples": count, "image_bytes": count,
            "end": 1_000 * count, "offsets": [32_000 * place for place in range(-(-count // 32))], "left_out": 0,
            "passed_over": 0, "is_whole": True, "example": "",
        }
        for number, count in enumerate(counts)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, SHARD_INDEX)


@pytest.mark.parametrize("where", ["disk", "memory"])
def test_groups_are_the_rows_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.setattr(stored_index, "ROWS_A_GROUP", 3)
    table = table_of(*range(0, 80, 10))
    folder = Folder(str(tmp_path) if where == "disk" else "memory://stored-index")
    record = write_index(folder, "index.parquet", [table])
    found = read_index(folder, "index.parquet", record)
    assert found.rows.equals(table.select(ROWS.names))
    assert [len(group) for group in found.groups()] == [3, 3, 2]
    assert pa.concat_tables(found.groups()).equals(table)
    assert pa.concat_tables(found.groups()).equals(table), "read anew"
    assert write_index(folder, "again.parquet", found.groups()).sha256 == record.sha256
    made = index_of_table(table, "made")
    assert (made.rows, list(made.groups())) == (found.rows, list(found.groups()))
    if where == "memory":
        fsspec.filesystem("memory").rm("/stored-index", recursive=True)


def test_no_tar_is_an_index_too(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    write_index(folder, "index.parquet", [])
    assert (len(read_index(folder, "index.parquet").rows), list(read_index(folder, "index.parquet").groups())) == (
        0,
        [],
    )


@pytest.mark.parametrize(
    "rows", [[1, 0, 2, 3], [0, 1, 1, 2], [0, 1, 3, 2]], ids=["in a group", "twice", "of two groups"]
)
def test_rows_that_are_not_by_name(tmp_path: Path, rows: list[int]) -> None:
    table = table_of(5, 6, 7, 8).take(pa.array(rows))
    folder = Folder(str(tmp_path))
    stored_index.write_tables(folder, "i.parquet", [table.slice(0, 3), table.slice(3)], SHARD_INDEX)
    with pytest.raises(ValueError, match=r"i\.parquet: expected a row a tar, by name, found 0000\d\.tar behind 0000\d"):
        read_index(folder, "i.parquet")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    record = write_index(folder, "i.parquet", [table_of(5, 6)])
    data = np.frombuffer((tmp_path / "i.parquet").read_bytes(), dtype=np.uint8).copy()
    data[len(data) // 2 :] ^= 255
    (tmp_path / "i.parquet").write_bytes(data.tobytes())
    with pytest.raises(ValueError, match=r"i\.parquet: found the SHA-256"):
        read_index(folder, "i.parquet", record)
    with pytest.raises(ValueError, match=r"i\.parquet: expected a Parquet file"):
        read_index(folder, "i.parquet")
    write_table(folder, "other.parquet", pa.table({"a": [1]}), pa.schema([("a", pa.int64())]))
    with pytest.raises(ValueError, match=r"other\.parquet: column 'tar' \(string\) is missing"):
        read_index(folder, "other.parquet")
