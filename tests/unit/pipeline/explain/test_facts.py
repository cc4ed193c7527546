"""What explain says of queries: their counts, how surely they keep a pair, and why."""

import numpy as np
import pyarrow as pa
import pytest

from pipeline.balance.limits import Limits
from pipeline.explain.facts import TOP_QUERIES, after_facts, before_facts, query_facts

QUERIES = pa.table({
    "query_id": pa.array([0, 1, 2], pa.int32()), "text": ["new york", "cat", "cat"],
    "surface": ["New York", "cat", "Cat"], "language": ["en", "en", "de"],
})  # fmt: skip
COUNTS = pa.table({
    "query_id": pa.array([0, 1, 2], pa.int32()), "matched": [0, 5, 40], "kept": [0, 5, 10], "selected": [0, 6, 12],
    "fetched": [0, 0, 0],
})  # fmt: skip
CAPS = {"en": 20, "de": 10}


def limits(matched: list[int]) -> Limits:
    found = np.array(matched, dtype=np.int64)
    return Limits(found, found, np.full(len(found), 10, dtype=np.int64), (10,), 1, 1)


def test_a_query_is_found_by_text_or_surface_in_every_language() -> None:
    (york,) = query_facts(["New York"], QUERIES, COUNTS, CAPS)
    assert (york["query_id"], york["why"]) == (0, "no candidate matches it")
    english, german = query_facts(["CAT"], QUERIES, COUNTS, CAPS)
    assert (english["query_id"], english["cap"], english["keep_probability"]) == (1, 20, 1.0)
    assert english["why"].startswith("matches no more pairs than the cap")
    assert (german["query_id"], german["cap"], german["keep_probability"]) == (2, 10, 0.25)
    assert german["why"].startswith("matches more pairs than the cap")
    assert (german["kept"], german["selected"]) == (10, 12)


def test_a_query_that_is_not_in_the_list_is_told_with_its_normal_form() -> None:
    with pytest.raises(ValueError, match=r"--query 'A Dog!': not in the query list \(normal form 'a dog'\)"):
        query_facts(["cat", "A Dog!"], QUERIES, COUNTS, CAPS)


def test_before_a_balance_the_queries_of_most_matches_come_first() -> None:
    many = TOP_QUERIES + 10
    matched = [n % 7 for n in range(many)]
    queries = pa.table({
        "query_id": pa.array(range(many), pa.int32()), "text": [f"q{n}" for n in range(many)],
        "language": ["en"] * many,
    })  # fmt: skip
    found = before_facts("per_query_cap", 100, 12.34567, queries, limits(matched), ["en"])
    top = [(row["matched"], row["query_id"]) for row in found["top_queries"]]
    expected = sorted(((m, n) for n, m in enumerate(matched) if m), key=lambda one: (-one[0], one[1]))
    assert top == expected[:TOP_QUERIES]
    assert found["expected_selected"] == 12.346
    assert found["matches_per_candidate"] == round(sum(matched) / 100, 3)
    assert found["without_match"] == matched.count(0)
    assert found["caps"] == {"en": 10}


def test_nothing_matched_divides_by_nothing() -> None:
    found = before_facts("probabilistic", 0, 0.0, QUERIES, limits([0, 0, 0]), ["en"])
    assert (found["matches_per_candidate"], found["top_queries"]) == (0.0, [])


@pytest.mark.parametrize("refill", [False, True])
def test_after_a_refill_the_earlier_rounds_count_too(refill: bool) -> None:
    summary = {
        "counts": {"selected_pairs": 12, "selected_before": 8 * refill, "candidates": 50, "expected_selected": 11.5,
                   "images": 6, "matches": 45, "matches_of_selected": 18},
        "config": {"mode": "per_query_cap"}, "caps": CAPS, "refill": refill, "tail_share": 0.1,
        "queries": {"without_match": 1, "up_to_cap": 1, "over_cap": 1}, "not_refillable": {"queries": 0, "kept": 0},
    }  # fmt: skip
    found = after_facts(summary, QUERIES, COUNTS)
    assert found["realised_selected"] == 12 + 8 * refill
    assert found["matches_per_text"] == round(18 / (12 + 8 * refill), 3)
    assert found["matches_per_image"] == (None if refill else 3.0)
    assert [row["query_id"] for row in found["top_queries"]] == [2, 1]
