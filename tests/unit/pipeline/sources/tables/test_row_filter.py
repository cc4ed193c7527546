"""Which rows are read: every row stays or is counted under the first filter that leaves it out."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.config import SourceOptions
from pipeline.sources.source import Dropped, Rows
from pipeline.sources.tables.row_filter import NOT_IN_UIDS, WHERE, row_filter, source_inputs


@pytest.fixture(scope="module")
def uids(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("uids") / "uids.txt"
    path.write_text("".join(f"{number:032x}\n" for number in (1, 3)))
    return str(path)


@given(rows=st.lists(st.tuples(st.none() | st.integers(0, 9), st.integers(0, 4)), max_size=8), both=st.booleans())
def test_rows_stay_or_are_counted(uids: str, rows: list[tuple[int | None, int]], both: bool) -> None:
    table = pa.table({"n": pa.array([n for n, _ in rows], pa.int64()), "uid": [f"{uid:032x}" for _, uid in rows]})
    found = list(row_filter("n > 4", uids if both else "", "uid").apply(Rows(table, np.arange(len(rows)))))
    true = [number for number, (n, _) in enumerate(rows) if n is not None and n > 4]
    kept = [number for number in true if not both or rows[number][1] in (1, 3)]
    stay = [number for item in found if isinstance(item, Rows) for number in item.numbers.tolist()]
    dropped = {item.reason: item.count for item in found if isinstance(item, Dropped)}
    assert stay == kept
    expected = {WHERE: len(rows) - len(true), NOT_IN_UIDS: len(true) - len(kept)}
    assert dropped == {reason: count for reason, count in expected.items() if count}


def test_without_a_filter_the_rows_go_on_as_they_are() -> None:
    rows = Rows(pa.table({"n": [1]}), np.arange(1))
    assert list(row_filter("", "", "uid").apply(rows)) == [rows]


def test_a_list_of_uids_counts_by_its_content(tmp_path: Path, uids: str) -> None:
    copy = tmp_path / "copy.txt"
    copy.write_bytes(Path(uids).read_bytes())
    assert source_inputs(SourceOptions(input="i", uids=uids)) == source_inputs(SourceOptions(input="i", uids=str(copy)))
    assert source_inputs(SourceOptions(input="i")) == []
    with pytest.raises(FileNotFoundError, match=r"--uids .*absent: no such file"):
        source_inputs(SourceOptions(input="i", uids=f"{tmp_path}/absent"))
