"""A loss outside of its range in the recipe's file is told at the first row of metrics from a step on, only there."""

import math
from pathlib import Path

import pytest

from trainer.telling.expected_loss import ExpectedLoss, read_expected_loss

RANGES = {10: (2.0, 4.0), 30: (1.0, 2.0)}


@pytest.mark.parametrize(
    ("after_step", "step", "loss", "is_fault"),
    [
        (0, 9, 9.0, False),
        (0, 10, 4.0, False),
        (0, 10, 4.1, True),
        (9, 12, 1.9, True),
        (10, 20, 9.0, False),
        (20, 30, 2.5, True),
        (20, 30, math.nan, True),
        (5, 35, 3.0, True),
        (30, 40, 9.0, False),
    ],
)
def test_the_first_row_from_a_step_on_is_compared(after_step: int, step: int, loss: float, is_fault: bool) -> None:
    fault = ExpectedLoss(RANGES, "recipe.json").fault(after_step, step, loss)
    assert (fault is not None) == is_fault
    assert fault is None or (fault.startswith(f"the loss at step {step} is ") and "\n" not in fault)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text('{"10": [2, 4.0]}')
    assert read_expected_loss(str(path)).fault(0, 10, 5.0) is not None
    assert read_expected_loss(str(path)).fault(0, 10, 3.0) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "recipe.json"),
        ('{"10": [2]}', "10 should be a list of 2"),
        ('{"ten": [1, 2]}', "found 'ten'"),
        ('{"10": [4, 2]}', r"found '10': \[4, 2\]"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as refused:
        read_expected_loss(str(path))
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_ranges_behind_the_end_and_files_that_are_gone_are_refused(tmp_path: Path) -> None:
    expected = ExpectedLoss(RANGES, "recipe.json")
    expected.check_reached(30)
    with pytest.raises(ValueError, match=r"recipe\.json has a range from step 30 on, the run ends with step 29"):
        expected.check_reached(29)
    with pytest.raises(FileNotFoundError, match=r"--expect-loss: no such file '.*gone\.json'"):
        read_expected_loss(str(tmp_path / "gone.json"))
