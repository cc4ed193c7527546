"""Probabilities as text: bars of the right length, labels that obey no terminal."""

from trainer.use.bars import BAR_COLUMNS, MAX_LABEL, bar_lines


def test_plain_columns() -> None:
    assert bar_lines([("a dog", 0.823), ("a \x1b[2Jcat", 0.0004)], with_bars=False) == [
        "   82.3%  a dog", "    0.0%  a \ufffd[2Jcat",
    ]  # fmt: skip


def test_bars_grow_with_the_share() -> None:
    whole, half, none, little = bar_lines([("a", 1.0), ("bcd", 0.5), ("e", 0.0), ("f", 1 / 240)], with_bars=True)
    assert whole == f"  a    {'█' * BAR_COLUMNS}  100.0%"
    assert half.count("█") == BAR_COLUMNS // 2
    assert none.strip("e 0.%") == ""
    assert "▏" in little
    assert len({len(line) for line in (whole, half, none, little)}) == 1


def test_a_long_label_is_cut_beside_a_bar_alone() -> None:
    rows = [("x" * 100, 0.5)]
    assert "x" * (MAX_LABEL - 1) + "…  " in bar_lines(rows, with_bars=True)[0]
    assert "x" * 100 in bar_lines(rows, with_bars=False)[0]
    assert bar_lines([], with_bars=True) == []
