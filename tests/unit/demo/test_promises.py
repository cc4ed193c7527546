"""The demo fails, and says why, when something it promises does not hold."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.demo.config import DemoConfig, scale
from tests.demo.outcome import EXPECTED_BROKEN_ROWS, EXPECTED_REASONS, Outcome
from tests.demo.promises import WANTED_ACCURACY, broken_promises
from tests.demo.world import FAILURES

FULL = scale(DemoConfig())

GOOD = Outcome(
    queries=Counter(word=1),
    candidates=20_000,
    matches=60_000,
    capped_queries=20,
    selected=12_000,
    refill=1,
    further_captions=1,
    images=Counter(success=9_000),
    failures={kind: Counter({reason: 40}) for kind, reason in EXPECTED_REASONS.items()},
    broken_rows=Counter(EXPECTED_BROKEN_ROWS),
    shards=5,
    samples=9_000,
    keys_twice=0,
    killed_after="step-0000100",
    samples_per_s=500.0,
    accuracy=0.2,
    colour_accuracy=0.5,
    shape_accuracy=0.5,
)


def test_every_kind_of_failure_has_its_reason() -> None:
    assert set(EXPECTED_REASONS) == set(FAILURES)


def test_twice_the_better_guesser_is_a_fifth() -> None:
    assert pytest.approx(0.2) == WANTED_ACCURACY


def test_a_good_outcome_breaks_nothing() -> None:
    assert broken_promises(GOOD, FULL) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"capped_queries": 19}, "cap"),
        ({"selected": 11_999}, "selected"),
        ({"refill": 0}, "refill"),
        ({"keys_twice": 1}, "keys"),
        ({"killed_after": None}, "killed"),
        ({"accuracy": 0.19}, "accuracy"),
        ({"failures": GOOD.failures | {"bomb": Counter()}}, "bomb"),
        ({"failures": GOOD.failures | {"slow": Counter(timed_out=39, success=1)}}, "slow"),
        ({"broken_rows": Counter(url_missing=1, url_not_http=1)}, "caption_missing"),
    ],
)
def test_each_broken_promise_is_named(change: dict[str, Any], word: str) -> None:
    (line,) = broken_promises(replace(GOOD, **change), FULL)
    assert word in line


def test_the_small_demo_asks_for_no_accuracy() -> None:
    assert broken_promises(replace(GOOD, accuracy=0.0), scale(DemoConfig(size="small"))) == []
