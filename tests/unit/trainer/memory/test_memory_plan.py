"""The most rows that fit are taken: all, or a power of two; none is an error that says what is missing."""

from typing import Any

import pytest

from trainer.memory.memory_plan import GIB, MemoryPlan, Recomputing, batch_bytes, loss_bytes, usable_bytes
from trainer.memory.steady import GatheredBytes, SteadyBytes
from trainer.memory.traced import TracedBytes
from trainer.model.block_costs import BlockCost, ModelCost

STEADY = SteadyBytes(
    num_parameters=100_000_000, weights=400_000_000, gradients=400_000_000, optimizer=800_000_000, averages=0
)
TRACED = TracedBytes(fixed=600e6, per_row=50e6)
COST = ModelCost(tuple(BlockCost(name, 20_000_000, 1_000_000, 1_000) for name in "ab"), other_bytes=10_000_000)


def plan(rows: int, **more: Any) -> MemoryPlan:
    loss = loss_bytes(rows, 8 * rows, 512, has_graph_apart=True)
    return MemoryPlan(steady=STEADY, traced=TRACED, batch=batch_bytes(rows, 224, 16.0), loss=loss, rows=rows, **more)


@pytest.mark.parametrize("gib", [6, 16, 24, 80, 141, 400])
@pytest.mark.parametrize("rows", [1, 48, 1_000, 4_096])
def test_the_choice_fits_and_the_next_larger_does_not(rows: int, gib: int) -> None:
    made = plan(rows)
    chosen = made.largest_micro_batch(gib * GIB)
    assert made.needed(chosen) <= usable_bytes(gib * GIB)
    assert chosen == rows or (chosen & (chosen - 1) == 0 and chosen < rows)
    if chosen < rows:
        assert made.needed(min(2 * chosen, rows)) > usable_bytes(gib * GIB)


def test_no_row_that_fits_is_an_error() -> None:
    with pytest.raises(
        ValueError, match=r"the model needs 3\.\d\d GB of a device for one row of 4,096, found 2\.15 GB, 0\.9"
    ):
        plan(4_096).largest_micro_batch(2 * GIB)


def test_the_plan_is_told_in_a_line() -> None:
    told = plan(4_096).told(1_024, 80 * GIB)
    assert "4,096 pairs a worker 1,024 at a time, 4 times (GradCache): " in told
    assert "50.0 MB a pair" in told
    assert "at once" in plan(256).told(256, 80 * GIB)


def test_the_loss_of_the_largest_batch_fits_six_gigabytes() -> None:
    assert loss_bytes(32_768, 262_144, 512, has_graph_apart=False) < 6e9


def test_what_shards_gather_is_more_with_micro_batches() -> None:
    made = plan(64, gathered=GatheredBytes(whole=900_000_000, at_once=100_000_000))
    assert made.needed(32) - made.needed(64) == 800_000_000 - 32 * 50_000_000
    assert plan(64).needed(32) - made.needed(32) == 600_000_000 - 900_000_000, "gathered weights are cast already"


def test_as_few_blocks_as_fit_are_recomputed() -> None:
    recomputing = Recomputing(cost=COST, budget=64 * 50_000_000)
    made = plan(64, recomputing=recomputing)
    assert [len(recomputing.blocks(rows)) for rows in (32, 64, 65, 100)] == [0, 0, 2, 2], "one alone is there again"
    assert made.activations(64) == 64 * 50_000_000
    assert made.activations(100) == 100 * (10_000_000 + 2 * 1_000_000 + 20_000_000)
