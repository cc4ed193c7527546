"""Lines of what was skipped: the first ones, printable, on stderr."""

import pytest

from trainer.telling.skipped import tell_skipped


def test_the_first_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    tell_skipped([f"{number}.png\x1b: does not decode" for number in range(30)])
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 20
    assert told.err.startswith("skipped 0.png")
    assert "\x1b" not in told.err
