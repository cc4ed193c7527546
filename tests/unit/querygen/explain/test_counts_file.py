"""Look-ups in a counts file find what brute force finds, whatever the order of rows, on disk and elsewhere."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from querygen.explain.counts_file import CountsFile
from querygen.explain.explain import Explainer
from schemas.query import WORD_COUNTS
from schemas.storage import Folder
from tests.support.queries import Counts, make_queries_folder
from tests.support.small_lists import EXPLAINED, explain_command

Row = dict[str, Any]
TEXTS = [f"{a}{space}{b}" for a in "abcde" for b in "abcde" for space in ("", " ")]


@pytest.fixture(params=["by text", "by count", "mixed"])
def rows(request: pytest.FixtureRequest) -> list[Row]:
    made: list[Row] = [{"text": text, "surface": text, "count": i % 7} for i, text in enumerate(TEXTS)]
    random.Random(0).shuffle(made)
    order: dict[str, Callable[[Row], Any]] = {
        "by text": lambda row: row["text"], "by count": lambda row: -row["count"], "mixed": lambda row: 0,
    }  # fmt: skip
    return sorted(made, key=order[request.param])


@pytest.fixture(params=["disk", "memory"])
def file(request: pytest.FixtureRequest, tmp_path: Path, rows: list[Row]) -> CountsFile:
    folder = Folder(str(tmp_path) if request.param == "disk" else f"memory://{tmp_path.name}")
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=WORD_COUNTS), sink, row_group_size=6)
    folder.write("words.parquet", sink.getvalue().to_pybytes())
    return CountsFile(folder, "words.parquet", WORD_COUNTS)


def test_rows_are_found(file: CountsFile, rows: list[Row]) -> None:
    for row in rows:
        assert file.find(row["text"]) == row
        assert file.find(row["text"], count=row["count"]) == row
        assert file.find(row["text"], count=9) is None
    assert file.find("zz") is None
    assert sorted(row["text"] for row in file.find_unspaced("ab")) == ["a b", "ab"]


@pytest.mark.parametrize("least", [0, 3])
def test_ranks_are_places_in_the_order(file: CountsFile, rows: list[Row], least: int) -> None:
    listed = sorted((-row["count"], row["text"]) for row in rows if row["count"] >= least)
    for place, (count, text) in enumerate(listed, 1):
        assert file.rank_by_value("count", -count, text, least) == (place, len(listed))


def test_a_place_has_its_value_and_the_tied_texts_before(file: CountsFile, rows: list[Row]) -> None:
    listed = sorted((-row["count"], row["text"]) for row in rows)
    for place in (1, 8, 30, 50, 99):
        value = -listed[: min(place, 50)][-1][0]
        tied = frozenset(text for count, text in listed[:place] if -count == value)
        assert file.place("count", place) == (value, tied)


def test_a_folder_on_another_filesystem(folder: Folder) -> None:
    memory = fsspec.filesystem("memory")
    for name in ("manifest.json", "run.json", "queries.parquet", *folder.names("counts")):
        memory.pipe_file(f"/explained/{name}", folder.read(name))
    there = Folder("memory://explained")
    assert Explainer(there).explain("new york") == Explainer(folder).explain("new york")


def test_a_file_that_is_no_parquet_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_queries_folder(tmp_path / "q", EXPLAINED)
    folder.write("counts/titles.parquet", b"no parquet at all")
    assert explain_command(["dog", "--queries", folder.url]) == 2
    assert "titles.parquet: expected a Parquet file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("table", "message"),
    [
        pytest.param(
            {"text": ["dog"], "surface": ["Dog"]}, "expected one column 'count' of int64, found none", id="none"
        ),
        pytest.param({"text": ["dog"], "surface": ["Dog"], "count": ["3"]}, "of int64, found string", id="text"),
        pytest.param({"text": [b"\xff"], "surface": ["Dog"], "count": [3]}, "of string, found binary", id="binary"),
    ],
)
def test_columns_of_another_kind_are_refused(tmp_path: Path, table: dict[str, list[Any]], message: str) -> None:
    pq.write_table(pa.table(table), tmp_path / "words.parquet")
    with pytest.raises(ValueError, match=rf"words\.parquet: .*{message}"):
        CountsFile(Folder(str(tmp_path)), "words.parquet", WORD_COUNTS)


def test_a_damaged_footer_is_told_by_name_whatever_arrow_raises(tmp_path: Path) -> None:
    folder = make_queries_folder(tmp_path / "queries", EXPLAINED)
    path = tmp_path / "queries" / "counts" / "words.parquet"
    good = path.read_bytes()
    footer = len(good) - 8 - int.from_bytes(good[-8:-4], "little")
    raised = set()
    for place in range(footer, len(good)):
        for bit in (1, 8, 128):
            path.write_bytes(good[:place] + bytes([good[place] ^ bit]) + good[place + 1 :])
            try:
                CountsFile(folder, "counts/words.parquet", WORD_COUNTS)
            except ValueError as error:
                assert "words.parquet: expected" in str(error)  # noqa: PT017  # what is unused is damaged unseen
                raised.add(type(error.__cause__))
    assert pa.ArrowNotImplementedError in raised


def test_a_damaged_row_group_is_told_by_name(tmp_path: Path) -> None:
    folder = make_queries_folder(tmp_path / "queries", Counts(words={"new": 100, "york": 40}))
    path = tmp_path / "queries" / "counts" / "words.parquet"
    good = path.read_bytes()
    path.write_bytes(good[:4] + b"\xff" * 8 + good[12:])
    with pytest.raises(ValueError, match=r"words\.parquet: row group 0 cannot be read"):
        CountsFile(folder, "counts/words.parquet", WORD_COUNTS).find("york")
