"""What a split came to: every item a source gives is counted once."""

import pyarrow as pa
import pytest

from pipeline.collect.config import CollectConfig
from pipeline.collect.drops import DROPS
from pipeline.collect.extract import NO_MATCH, Extracted, SplitTally, extract_table
from pipeline.filter.filters import Filters
from pipeline.match.query_matcher import QueryMatcher
from pipeline.sources.source import Broken, Dropped, Noted, Read, raw_schema
from schemas.candidate import candidate_schema


def test_what_comes_beside_pairs_is_counted() -> None:
    tally = SplitTally("a.warc", "crawl", ["b", "a"])
    for item in (
        Broken("record_malformed", 7, b"x"), Broken("file_unreadable", 9), Read(5, 2), Dropped("record_not_html", 3),
        Dropped("where", 2), Noted({"a": 4}, {"b": 1}),
    ):  # fmt: skip
        tally.add_item(item)
    assert tally.counts == {
        "records": 1 + 3 + 2, "archive_records": 5, "archive_records_cut": 2, "dropped_record_not_html": 3,
        "dropped_where": 2, "unfit_b": 1,
    }  # fmt: skip
    assert tally.num_pairs == 2
    assert tally.extra_kinds == {"a": 4, "b": 0}
    assert [(item.reason, item.source_file, item.position) for item in tally.broken] == [
        ("record_malformed", "a.warc", 7), ("file_unreadable", "a.warc", 9),
    ]  # fmt: skip


def test_an_empty_split_counts_no_records() -> None:
    assert SplitTally("a.csv", "root", []).counts == {"records": 0}


def test_what_is_broken_in_a_folder_of_images_is_told_with_the_name_of_the_folder() -> None:
    tally = SplitTally("", "photos", [])
    tally.add_item(Broken("name_not_utf8", 0))
    assert tally.broken[0].source_file == "photos"


def test_the_rows_of_a_table_are_counted() -> None:
    raw = pa.table({"source_row": [10, 11, 12]})
    drop = {"reason": "no_match", "pair_id": bytes(16), "source_file": "a.csv", "source_row": 10, "caption": "a"}
    found = Extracted(
        candidate_schema(None).empty_table(), pa.Table.from_pylist([drop], schema=DROPS), [(2, "url_missing", None)]
    )
    tally = SplitTally("a.csv", "root", [])
    for _ in range(2):
        tally.add(raw, found)
    assert tally.counts == {"records": 6, "matched_pairs": 0, "matches": 0, "dropped_no_match": 2}
    assert (tally.num_pairs, tally.num_rejected_pairs, tally.content_bytes) == (6, 2, 0)
    assert (tally.drops.count, tally.drops.sample.to_pylist()) == (2, [drop])
    assert [item.position for item in tally.broken] == [12, 12]


def raw(rows: list[dict[str, object]]) -> pa.Table:
    plain = {"text_source": "alt"}
    return pa.Table.from_pylist(
        [plain | {"source_row": number} | row for number, row in enumerate(rows)], schema=raw_schema(None)
    )


@pytest.fixture(scope="module")
def matcher() -> QueryMatcher:
    texts = ["red", "cat"]
    columns = {"query_id": pa.array([0, 1], pa.int32()), "text": texts, "surface": texts, "language": ["en", "en"]}
    return QueryMatcher(pa.table(columns), CollectConfig(input="i", queries="q", output="o"))


def test_every_row_is_a_candidate_a_drop_or_broken(matcher: QueryMatcher) -> None:
    options = CollectConfig(input="i", queries="q", output="o", min_caption_characters=4)
    rows = raw([
        {"url": "http://a/1", "caption": "a red Cat"}, {"url": "http://a/2", "caption": "a dog"},
        {"url": "http://a/3", "caption": "red"}, {"url": "ftp://a/4", "caption": "a red cat"},
        {"url": None, "caption": "a red cat"}, {"url": "http://a/6", "caption": None},
        {"url": "http://a/7", "caption": "red, red"},
    ])  # fmt: skip
    found = extract_table(rows, "f", matcher, Filters(options), options)
    assert found.candidates.schema.equals(candidate_schema())
    assert [(row["source_row"], row["query_ids"]) for row in found.candidates.to_pylist()] == [(0, [0, 1]), (6, [0])]
    assert found.candidates["source_file"].to_pylist() == ["f", "f"]
    assert sorted((row["source_row"], row["reason"]) for row in found.drops.to_pylist()) == [
        (1, NO_MATCH), (2, "caption_length"),
    ]  # fmt: skip
    assert sorted((row, why) for row, why, _ in found.broken) == [
        (3, "url_not_http"), (4, "url_missing"), (5, "caption_missing"),
    ]  # fmt: skip
