"""Caps from a tail share: MetaCLIP 2's rule, per language."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.balance.caps import cap_of_tail_share, caps_of_languages, caps_of_queries, exact_share, tail_share
from pipeline.balance.config import BalanceConfig

COUNTS = st.lists(st.integers(0, 50), min_size=1, max_size=40)


def published_rule(counts: np.ndarray, share: float) -> int:
    """The published rule: sort, sum up, take the count at the place nearest to the share."""
    ordered = np.sort(counts)
    portion = np.cumsum(ordered) / ordered.sum()
    return int(ordered[np.abs(portion - share).argmin()])


@given(COUNTS, st.sampled_from([0.03, 0.06, 0.1, 0.37, 0.9]))
def test_the_cap_is_the_published_one(counts: list[int], share: float) -> None:
    matched = np.array(counts, dtype=np.int64)
    found = cap_of_tail_share(matched, exact_share(share))
    if not matched.any():
        assert found == 1
        return
    positive = matched[matched > 0]  # the published rule could return a cap of 0
    running = np.cumsum(np.sort(positive)) / positive.sum()
    nearest = np.sort(np.abs(running - share))
    if len(nearest) == 1 or nearest[1] - nearest[0] > 1e-9:  # else rounding decides the published one
        assert found == published_rule(positive, share)


@given(COUNTS)
def test_a_larger_share_never_gives_a_smaller_cap(counts: list[int]) -> None:
    matched = np.array(counts, dtype=np.int64)
    caps = [cap_of_tail_share(matched, exact_share(share / 100)) for share in range(1, 100, 7)]
    assert caps == sorted(caps)


def test_each_language_has_its_own_cap() -> None:
    matched = np.array([1, 100, 2, 3, 94, 1000], dtype=np.int64)
    language_of = np.array([0, 0, 1, 1, 1, 2], dtype=np.int32)
    caps = caps_of_languages(matched, language_of, 3, 0.05)
    assert caps == [1, 3, 1000]
    assert caps_of_queries(language_of, caps).tolist() == [1, 1, 3, 3, 3, 1000]
    assert tail_share(matched[2:5], np.array([3, 3, 3])) == round(5 / 99, 6)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_a_share_is_between_0_and_1(share: float) -> None:
    with pytest.raises(ValueError, match="tail_share must be between 0 and 1"):
        BalanceConfig(candidates="c", output="o", tail_share=share)
