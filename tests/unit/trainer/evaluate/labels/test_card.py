"""The model card's section: rates with intervals, the groups furthest apart, and strangers' text as text."""

from trainer.evaluate.labels.card import card_text
from trainer.evaluate.labels.rates import GroupRates, rate_of


def row(group: str, without: int, with_added: int, added: int) -> GroupRates:
    return GroupRates(group, rate_of(without, 100), rate_of(with_added, 100), rate_of(added, 100))


ROWS = [row("0-9", 40, 5, 60), row("a|b <i>", 2, 2, 0)]


def test_table_extremes_and_warning() -> None:
    text = card_text(ROWS, "age", ["a man"], ["thief"], ["child"])
    assert "| age | images | watched, without added | watched, with added | added |" in text
    assert "| 0-9 | 100 | 40.0% [30.9%, 49.8%] | 5.0% [2.2%, 11.2%] | 60.0% [50.2%, 69.1%] |" in text
    assert r"| a\|b &lt;i> | 100 |" in text
    assert "watched labels go most often to 0-9 (5.0% [2.2%, 11.2%])" in text
    assert "the intervals overlap" in text
    assert "**Warning.**" in text


def test_without_watched_labels_the_added_are_told() -> None:
    text = card_text(ROWS, "age", ["a man"], [], ["child"])
    assert "watched" not in text
    assert "added labels go most often to 0-9" in text
    assert "the intervals do not overlap" in text
    assert "equally often" in card_text([ROWS[0]], "age", ["a man"], [], ["child"])
