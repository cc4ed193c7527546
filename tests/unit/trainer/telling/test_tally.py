"""Sums of a row: means leave out skipped steps, runs of them go on over the ends of rows."""

import math

import pytest
import torch

from trainer.optim.gradients import Applied
from trainer.telling.tally import Tally
from trainer.workers.distributed import World

ONE = World(0, 1, torch.device("cpu"))


def add(tally: Tally, loss: float, norm: float) -> None:
    skipped = torch.tensor(float(not math.isfinite(norm)))
    tally.add(torch.tensor(loss), Applied(torch.tensor(norm), skipped))


def test_means_are_of_the_steps_that_were_taken() -> None:
    tally = Tally(ONE)
    for loss, norm in ((1.0, 3.0), (math.nan, math.inf), (2.0, 4.0), (5.0, math.nan), (math.nan, math.nan)):
        add(tally, loss, norm)
    row = tally.close(sums={"replaced": 7}, same={"scale": torch.tensor(14.5)})
    add(tally, math.nan, math.nan)
    assert row.read() == {
        "loss": 1.5, "norm": 3.5, "skipped": 3, "in_a_row": 2.0, "scale": 14.5, "replaced": 7.0,
    }  # fmt: skip
    found = tally.close(sums={}, same={}).read()
    assert (found["skipped"], found["in_a_row"]) == (1, 3.0)
    assert math.isnan(found["loss"])
    add(tally, 1.0, 1.0)
    found = tally.close(sums={}, same={}).read()
    assert (found["loss"], found["skipped"], found["in_a_row"]) == (1.0, 0, 0.0)


def test_values_are_those_of_the_moment_a_row_is_closed() -> None:
    tally, scale = Tally(ONE), torch.tensor(2.0)
    row = tally.close(sums={}, same={"scale": scale})
    scale += 1
    assert row.read()["scale"] == pytest.approx(2.0)
