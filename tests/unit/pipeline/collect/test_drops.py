"""What is sampled of drops does not depend on how they come."""

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.collect.drops import DROPS, SampledDrops, drops_of

LIMIT = 3


@given(
    st.lists(st.tuples(st.sampled_from("xy"), st.integers(0, 9), st.integers(0, 5)), max_size=30),
    st.lists(st.integers(0, 30), max_size=4),
)
def test_the_sample_is_the_lowest_of_each_reason_however_they_are_added(
    rows: list[tuple[str, int, int]], cuts: list[int]
) -> None:
    columns = [[reason, bytes(15) + bytes([pair]), "a", row, ""] for reason, pair, row in rows]
    drops = pa.Table.from_pylist([dict(zip(DROPS.names, row, strict=True)) for row in columns], schema=DROPS)
    found = SampledDrops()
    bounds = sorted({0, len(rows), *[min(cut, len(rows)) for cut in cuts]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.collect.drops.MAX_SAMPLED_DROPS", LIMIT)
        for begin, end in pairwise(bounds):
            found.add(drops.slice(begin, end - begin))
    assert found.count == len(rows)
    expected = []
    for reason in "xy":
        lowest: dict[int, int] = {}
        for _, pair, row in (drop for drop in rows if drop[0] == reason):
            lowest[pair] = min(row, lowest.get(pair, row))
        expected += [(reason, pair, lowest[pair]) for pair in sorted(lowest)[:LIMIT]]
    sample = found.sample.to_pylist()
    assert [(row["reason"], row["pair_id"][-1], row["source_row"]) for row in sample] == expected


def test_drops_of_candidates_keep_where_they_stood() -> None:
    rows = pa.table(
        [pa.array([bytes(16)], DROPS.field("pair_id").type), ["a.csv"], [3], ["a cat"], ["http://a/"]],
        names=["pair_id", "source_file", "source_row", "caption", "url"],
    )
    assert drops_of(rows, "why").to_pylist() == [
        {"reason": "why", "pair_id": bytes(16), "source_file": "a.csv", "source_row": 3, "caption": "a cat"}
    ]
