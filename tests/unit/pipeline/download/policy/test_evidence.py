"""What follows from the signals of an image: the more restrictive wins, and all are kept."""

import itertools

import pytest

from pipeline.download.policy.evidence import (
    ALLOW,
    FORBID,
    MAX_VALUE_CHARACTERS,
    UNKNOWN,
    Judged,
    Signal,
    decide,
    printable,
)


def judged(number: int, meaning: str) -> Judged:
    return Judged(Signal("header", f"signal-{number}", "v", "v"), meaning)


@pytest.mark.parametrize("meanings", list(itertools.product((ALLOW, FORBID, UNKNOWN), repeat=3)), ids="-".join)
def test_the_more_restrictive_wins_and_the_first_of_its_kind_is_named(meanings: tuple[str, ...]) -> None:
    seen = tuple(judged(number, meaning) for number, meaning in enumerate(meanings))
    found = decide(seen)
    assert found.seen == seen
    assert found.decision == (FORBID if FORBID in meanings else ALLOW)
    named = found.decision if found.decision in meanings else None
    assert found.rule == (None if named is None else f"header: signal-{meanings.index(named)}=v")
    assert found.is_conflict == (FORBID in meanings and ALLOW in meanings)


def test_nothing_forbids_by_being_absent() -> None:
    assert (decide(()).decision, decide(()).rule) == (ALLOW, None)


def test_values_are_kept_bounded_and_on_one_line() -> None:
    assert printable("a\nb\x00c") == "a\ufffdb\ufffdc"
    assert len(printable("x" * 10_000)) == MAX_VALUE_CHARACTERS
