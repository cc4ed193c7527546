"""The query list as it is read: row i is query i, or the file is named."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.candidate import QUERY_COUNTS
from schemas.manifest import write_manifest
from schemas.query import QUERIES
from schemas.query_list import read_copied_queries, read_queries
from schemas.storage import Folder
from schemas.tables import write_table


def queries(ids: list[int]) -> pa.Table:
    rows = [
        {"query_id": number, "text": f"q{number}", "surface": f"Q{number}", "language": "en", "source": "word",
         "sources": ["word"]}
        for number in ids
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=QUERIES)


def counts(num: int) -> pa.Table:
    rows = [{"query_id": n, "matched": n, "kept": n, "selected": n, "fetched": 0} for n in range(num)]
    return pa.Table.from_pylist(rows, schema=QUERY_COUNTS)


def written(path: Path, ids: list[int], rows: int | None = None) -> Folder:
    folder = Folder(str(path))
    record = write_table(folder, "queries.parquet", queries(ids), QUERIES)
    write_manifest(folder, "queries", [record], rows=len(ids) if rows is None else rows, identity="x", summary={})
    return folder


@given(st.integers(0, 6).flatmap(lambda num: st.permutations(range(num))))
def test_rows_in_any_order_come_by_id(tmp_path_factory: pytest.TempPathFactory, ids: list[int]) -> None:
    found = read_queries(written(tmp_path_factory.mktemp("q"), ids), ("query_id", "text"))
    assert found.to_pydict() == {"query_id": sorted(ids), "text": [f"q{number}" for number in sorted(ids)]}


@pytest.mark.parametrize("ids", [[0, 2], [1, 1], [-1, 0], [1]], ids=str)
def test_ids_that_are_no_numbering_are_refused(tmp_path: Path, ids: list[int]) -> None:
    with pytest.raises(ValueError, match=r"queries\.parquet.*query ids"):
        read_queries(written(tmp_path, ids))


def test_another_number_than_the_manifests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected the 3 queries of its manifest, found 2"):
        read_queries(written(tmp_path, [0, 1], rows=3))


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path, [0, 1])
    write_table(folder, "queries.parquet", queries([1, 0]), QUERIES)
    with pytest.raises(ValueError, match=r"queries\.parquet: found .* noted when it was written"):
        read_queries(folder)


@pytest.mark.parametrize("num", [2, 3])
def test_copied_queries_have_as_many_counts(tmp_path: Path, num: int) -> None:
    folder = Folder(str(tmp_path))
    files = [
        write_table(folder, "tables/queries.parquet", queries([1, 0]), QUERIES),
        write_table(folder, "tables/query_counts.parquet", counts(num), QUERY_COUNTS),
    ]
    write_manifest(folder, "selection", files, rows=0, identity="x", summary={})
    if num != 2:
        with pytest.raises(ValueError, match="expected counts of the 2 queries, found 3"):
            read_copied_queries(folder)
        return
    texts, found = read_copied_queries(folder)
    assert texts["text"].to_pylist() == ["q0", "q1"]
    assert found["matched"].to_pylist() == [0, 1]
