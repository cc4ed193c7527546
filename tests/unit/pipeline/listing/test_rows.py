"""Rows of a list to plans: all good rows stay, in the order of the shards, with a caption where the image has one."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.collect.deduplicate import partition_of, with_copies
from pipeline.listing.config import ListedDownloadConfig
from pipeline.listing.rows import ReductionByImage, in_plan_order, listed_table
from pipeline.sources.source import raw_schema
from schemas.candidate import candidate_schema

Row = tuple[str | None, str | None]


def raw(rows: list[Row]) -> pa.Table:
    size = len(rows)
    columns = {
        "url": [url for url, _ in rows], "caption": [caption for _, caption in rows], "text_source": ["alt"] * size,
        "source_row": range(size),
    }  # fmt: skip
    schema = raw_schema(None)
    return pa.table({field.name: pa.array(columns.get(field.name, [None] * size), field.type) for field in schema})


def config(**options: object) -> ListedDownloadConfig:
    return ListedDownloadConfig(input="t", output="o", **options)  # type: ignore[arg-type]


def planned(rows: list[Row], **options: object) -> list[Row]:
    listed = listed_table(raw(rows), "a.csv", config(**options)).candidates
    reduced, _ = ReductionByImage().apply_all([with_copies(listed)], with_copies(candidate_schema().empty_table()))
    ordered = in_plan_order(reduced)
    return list(zip(ordered["url"].to_pylist(), ordered["caption"].to_pylist(), strict=True))


def test_every_good_row_is_listed_without_a_query() -> None:
    found = listed_table(raw([("http://a/1", "x"), ("ftp://a/2", "y"), (None, "z")]), "a.csv", config())
    assert found.candidates["url"].to_pylist() == ["http://a/1"]
    assert found.candidates["query_ids"].to_pylist() == [[]]
    assert found.candidates["source_file"].to_pylist() == ["a.csv"]
    assert found.candidates.schema == candidate_schema()
    assert [(row, why) for row, why, _ in found.broken] == [(1, "url_not_http"), (2, "url_missing")]


@pytest.mark.parametrize("caption", [None, "", " \n "], ids=["null", "empty", "blank"])
def test_a_missing_caption_is_a_rejection_or_an_empty_one(caption: str | None) -> None:
    table = raw([("http://a/1", caption)])
    assert [why for _, why, _ in listed_table(table, "f", config()).broken] == ["caption_missing"]
    allowed = listed_table(table, "f", config(allow_missing_captions=True))
    assert (allowed.candidates["caption"].to_pylist(), allowed.broken) == ([""], [])


def test_an_empty_caption_goes_where_its_image_has_another() -> None:
    rows: list[Row] = [("http://a/1", None), ("http://a/1", "x"), ("http://a/1", "y"), ("http://b/2", None)]
    assert sorted(planned(rows, allow_missing_captions=True), key=str) == [
        ("http://a/1", "x"), ("http://a/1", "y"), ("http://b/2", ""),
    ]  # fmt: skip


def test_tracking_parameters_are_no_other_image_where_that_is_asked() -> None:
    rows: list[Row] = [("http://a/1?utm_source=x", "x"), ("http://a/1", "x")]
    assert len(planned(rows)) == 2
    assert len(planned(rows, drop_tracking_parameters=True)) == 1


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["", "x", "y", "z"])), max_size=30), st.randoms()
)
def test_plans_depend_on_the_set_of_rows_alone(pairs: list[tuple[str, str]], shuffled: object) -> None:
    rows: list[Row] = [(f"http://h/{image}", caption or None) for image, caption in pairs]
    other = list(rows)
    shuffled.shuffle(other)  # type: ignore[attr-defined]
    found = planned(rows, allow_missing_captions=True)
    assert found == planned(other, allow_missing_captions=True)
    captions: dict[str, set[str]] = {}
    for image, caption in pairs:
        captions.setdefault(f"http://h/{image}", set()).add(caption)
    assert sorted(found, key=str) == sorted(
        ((url, caption) for url, all_of in captions.items() for caption in (all_of - {""} or {""})), key=str
    )


def test_the_pairs_of_an_image_meet_in_one_partition() -> None:
    listed = listed_table(raw([(f"http://a/{n % 9}", str(n)) for n in range(90)]), "f", config()).candidates
    partition = partition_of(listed[ReductionByImage().partition_column], 8)
    of_image = dict(zip(listed["url"].to_pylist(), partition.tolist(), strict=True))
    assert [of_image[url] for url in listed["url"].to_pylist()] == partition.tolist()
    assert len(set(of_image.values())) > 1
