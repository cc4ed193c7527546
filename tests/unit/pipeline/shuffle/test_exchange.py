"""Tables that go by way of files come back as they were, from whatever place in them."""

import os
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.shuffle.exchange import EXCHANGE, Park, encode, exchange_folder, fetched
from schemas.storage import Folder

ROWS = st.lists(st.lists(st.tuples(st.integers(0, 9), st.text(max_size=3)), max_size=4), max_size=6)


def table(rows: list[tuple[int, str]]) -> pa.Table:
    return pa.table(
        {"n": pa.array([n for n, _ in rows], pa.int64()), "text": pa.array([t for _, t in rows], pa.string())}
    )


@given(ROWS)
def test_what_is_parked_is_fetched(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[tuple[int, str]]]
) -> None:
    park = Park(str(tmp_path_factory.mktemp("exchange")))
    park.setup()
    places = [place for rows in parts for _, place in park.process((5, table(rows)))]
    park.teardown()
    assert all(begin % 64 == 0 for _, begin, _ in places)
    key, tables = fetched(5, places)
    assert key == 5
    for _ in range(2):  # a step may go over what it is given twice
        assert [found.to_pylist() for found in tables] == [table(rows).to_pylist() for rows in parts]


def test_a_table_in_pieces_is_encoded_as_one() -> None:
    pieces = pa.concat_tables([table([(1, "a")]), table([(2, "b")])])
    assert encode(pieces).equals(encode(pieces.combine_chunks()))


def test_the_files_lie_in_the_output_and_are_gone_at_the_end(tmp_path: Path) -> None:
    output = Folder(str(tmp_path / "out"))
    with exchange_folder(output, []) as folder:
        assert folder is not None
        assert Path(folder).parent == tmp_path / "out" / EXCHANGE
        (Path(folder) / "x.arrow").write_bytes(b"x")
        with exchange_folder(output, []) as other:
            assert other not in (None, folder)
        assert os.path.exists(folder), "another run of the same output uses the folder"
    assert list((tmp_path / "out").iterdir()) == []


def test_a_runner_on_other_machines_shuffles_itself(tmp_path: Path) -> None:
    with exchange_folder(Folder(str(tmp_path / "out")), ["--runner=SparkRunner"]) as folder:
        assert folder is None
    assert not (tmp_path / "out").exists()


def test_an_output_elsewhere_has_its_files_here() -> None:
    with exchange_folder(Folder("memory://out"), []) as folder:
        assert folder is not None
        assert os.path.isdir(folder)
    assert not os.path.exists(folder)
