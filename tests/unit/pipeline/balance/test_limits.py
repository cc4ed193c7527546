"""What is decided once the matches are counted, and that workers read what was written."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.balance.counts import counts_table
from pipeline.balance.limits import (
    PARTITION_BYTES,
    decide_limits,
    partitions_of_images,
    read_languages,
    read_limits,
    write_languages,
    write_limits,
)
from pipeline.balance.settings import Settings
from schemas.storage import Folder

QUERIES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4), st.integers(0, 1)), min_size=1, max_size=8)
"""Matches alive, those lost, number of the language."""


def settings(**changes: Any) -> Settings:
    plain: dict[str, Any] = {
        "candidates_url": "c", "output_url": "o", "mode": "per_query_cap", "key": b"", "num_queries": 1,
        "languages": ("de", "en"), "extra": pa.struct([]), "caps": (2, 5), "candidates_rows": 100,
        "candidates_bytes": 1000,
    }  # fmt: skip
    return Settings(**plain | changes)


@given(QUERIES)
def test_limits_are_what_the_counts_say(queries: list[tuple[int, int, int]]) -> None:
    matched, lost, language = np.array(queries, dtype=np.int64).T
    counts = counts_table("query_id", matched=matched, matched_before=matched + lost)
    limits = decide_limits(counts, settings(num_queries=len(queries)), language.astype(np.int32))
    caps = [(2, 5)[number] for number in language]
    assert limits.caps.tolist() == caps
    assert limits.shape() == {
        "without_match": sum(m == 0 for m in matched),
        "up_to_cap": sum(0 < m <= cap for m, cap in zip(matched, caps, strict=True)),
        "over_cap": sum(m > cap for m, cap in zip(matched, caps, strict=True)),
    }
    fewer = [min(m + gone, cap) - min(m, cap) for m, gone, cap in zip(matched, lost, caps, strict=True)]
    assert limits.lost().tolist() == fewer
    assert limits.not_refillable() == {"queries": sum(f > 0 for f in fewer), "kept": sum(fewer)}


def test_a_tail_share_gives_the_caps() -> None:
    counts = counts_table("query_id", matched=np.array([1, 2, 97]), matched_before=np.array([1, 2, 97]))
    asked = settings(num_queries=3, caps=None, tail_share=0.03, languages=("en",))
    limits = decide_limits(counts, asked, np.zeros(3, dtype=np.int32))
    assert limits.language_caps == (2,)


@given(st.integers(0, 1 << 40))
def test_partitions_are_a_power_of_two_and_none_is_too_large(num_bytes: int) -> None:
    num = partitions_of_images(num_bytes)
    assert num & (num - 1) == 0
    assert num * PARTITION_BYTES >= num_bytes
    assert num == 1 or num // 2 * PARTITION_BYTES < num_bytes


@given(QUERIES)
def test_limits_are_read_as_they_were_written(queries: list[tuple[int, int, int]]) -> None:
    matched, lost, language = np.array(queries, dtype=np.int64).T
    counts = counts_table("query_id", matched=matched, matched_before=matched + lost)
    limits = decide_limits(counts, settings(num_queries=len(queries)), language.astype(np.int32))
    folder = Folder("memory://limits")
    write_limits(folder, limits)
    found = read_limits(folder)
    for name, value in vars(limits).items():
        assert np.array_equal(getattr(found, name), value), name


def test_languages_are_numbered_in_their_order(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    column = pa.chunked_array([["zh", "en"], ["de", "en"]])
    assert write_languages(folder, column) == ("de", "en", "zh")
    assert read_languages(folder).tolist() == [2, 1, 0, 1]


def test_a_query_more_than_the_list_has_is_refused() -> None:
    counts = counts_table("query_id", matched=np.array([1, 1]), matched_before=np.array([1, 1]))
    with pytest.raises((ValueError, IndexError)):
        decide_limits(counts, settings(num_queries=1), np.zeros(1, dtype=np.int32))
