"""Rates by group: Wilson's intervals are scipy's, predictions those of a plain loop."""

import numpy as np
import pytest
from scipy.stats import binomtest

from trainer.evaluate.labels.rates import group_rates, rate_of


@pytest.mark.parametrize(("count", "images"), [(0, 7), (7, 7), (3, 10), (1, 2000), (999, 1000)])
def test_intervals_are_scipys(count: int, images: int) -> None:
    found = rate_of(count, images)
    expected = binomtest(count, images).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert found.low <= found.rate <= found.high


def test_of_no_image_nothing_is_known() -> None:
    assert (rate_of(0, 0).low, rate_of(0, 0).high) == (0.0, 1.0)


def test_rates_are_counted_by_group_with_and_without_the_added_labels() -> None:
    draw = np.random.default_rng(0)
    scores = draw.standard_normal((200, 6))
    groups = [("young", "old", "(none)")[number] for number in draw.integers(3, size=200)]
    is_watched, is_added = np.arange(6) == 2, np.arange(6) >= 4
    found = group_rates(scores, groups, is_watched, is_added)
    assert [row.group for row in found] == ["(none)", "old", "young"]
    for row in found:
        own = scores[[group == row.group for group in groups]]
        assert row.added.images == len(own)
        assert row.watched_without.count == sum(max(range(4), key=lambda k, s=s: s[k]) == 2 for s in own)
        assert row.watched_with.count == sum(max(range(6), key=lambda k, s=s: s[k]) == 2 for s in own)
        assert row.added.count == sum(max(range(6), key=lambda k, s=s: s[k]) >= 4 for s in own)


def test_a_label_must_be_left() -> None:
    with pytest.raises(ValueError, match="not among the added"):
        group_rates(np.zeros((1, 2)), ["a"], np.zeros(2, dtype=bool), np.ones(2, dtype=bool))
