"""One table of a split to candidates and drops; the sample of drops does not depend on how the split is cut."""

import hashlib
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.collect import extract
from pipeline.collect.config import CollectConfig
from pipeline.collect.extract import DROPS, NO_MATCH, drops_of, extract_table, sample_drops
from pipeline.filter.filters import Filters
from pipeline.match.query_matcher import QueryMatcher
from pipeline.sources.source import raw_schema
from schemas.buffers import ID
from schemas.candidate import candidate_schema

DROPPED = st.lists(st.tuples(st.sampled_from(["no_match", "a", "z"]), st.integers(0, 9), st.integers(0, 3)))
"""(reason, pair, row)"""


def drops(rows: list[tuple[str, int, int]]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {"reason": reason, "pair_id": hashlib.md5(bytes([pair])).digest(), "source_file": "f", "source_row": row,
             "caption": f"c{pair}"}
            for reason, pair, row in rows
        ],
        schema=DROPS,
    )  # fmt: skip


@given(DROPPED, st.integers(1, 3), st.lists(st.integers(0, 20), max_size=3))
def test_the_drops_of_lowest_pair_id_are_kept(rows: list[tuple[str, int, int]], limit: int, cuts: list[int]) -> None:
    lowest: dict[tuple[str, bytes], int] = {}
    for row in drops(rows).to_pylist():
        key = row["reason"], row["pair_id"]
        lowest[key] = min(row["source_row"], lowest.get(key, 9))
    expected = []
    for reason in sorted({reason for reason, _ in lowest}):
        ids = sorted(pair for name, pair in lowest if name == reason)[:limit]
        expected += [(reason, pair, lowest[reason, pair]) for pair in ids]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extract, "MAX_SAMPLED_DROPS", limit)
        sampled = DROPS.empty_table()
        bounds = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
        for begin, end in pairwise(bounds):
            sampled = sample_drops(pa.concat_tables([sampled, drops(rows[begin:end])]))
    found = [(row["reason"], row["pair_id"], row["source_row"]) for row in sampled.to_pylist()]
    assert found == expected


def test_drops_made_of_candidates_name_them() -> None:
    rows = pa.table({
        "pair_id": pa.array([bytes(16)], ID), "source_file": ["f"], "source_row": pa.array([3], pa.int64()),
        "caption": ["c"], "url": ["u"],
    })  # fmt: skip
    assert drops_of(rows, "repeated_caption").to_pylist() == [
        {"reason": "repeated_caption", "pair_id": bytes(16), "source_file": "f", "source_row": 3, "caption": "c"}
    ]


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
