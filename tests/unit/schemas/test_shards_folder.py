"""Names in a shards folder: what is written is understood, and nothing else is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.shards_folder import (
    PlanTable,
    Stem,
    further_captions,
    parse_stem,
    plan_tables,
    shard_name,
    without_images_name,
)
from schemas.storage import Folder


@given(st.integers(0, 10**9))
def test_a_name_says_its_number(number: int) -> None:
    assert parse_stem(shard_name(number)) == Stem(shard_name(number), number, True)
    assert parse_stem(without_images_name(number)) == Stem(without_images_name(number), number, False)
    assert len(shard_name(number)) >= 5


@pytest.mark.parametrize("name", ["", "0001", "00001_stats", "a00001", "without-images-", "0.tar", "-0001", "sizes"])
def test_other_names_are_none(name: str) -> None:
    assert parse_stem(name) is None


def test_a_number_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0, found -1"):
        shard_name(-1)


def test_the_tables_of_plans_have_the_plans_numbers(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    for name in ("00006.parquet", "00007.parquet", "without-images-00011.parquet", "mine.parquet", "00006.tar"):
        folder.write(name, b"")
    folder.write_json("00006_stats.json", {"plan": 10})
    folder.write_json("00007_stats.json", {"count": 3})  # until 1.3 a shard had the number of its plan
    assert list(plan_tables(folder)) == [
        PlanTable("00006.parquet", 10, True),
        PlanTable("00007.parquet", 7, True),
        PlanTable("without-images-00011.parquet", 11, False),
    ]


def test_a_plan_that_is_no_number_names_the_file(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    folder.write("00006.parquet", b"")
    folder.write_json("00006_stats.json", {"plan": "ten"})
    with pytest.raises(ValueError, match=r"00006_stats\.json: expected 'plan' to be a whole number"):
        list(plan_tables(folder))


def test_further_captions_come_with_their_plans(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    for name in ("00012.parquet", "00003.parquet", "notes.parquet", "00001.txt"):
        folder.write(f"further_captions/{name}", b"")
    assert list(further_captions(folder)) == [
        (3, "further_captions/00003.parquet"), (12, "further_captions/00012.parquet"),
    ]  # fmt: skip
