"""The most rows that fit are taken: all, or a power of two; none is an error that says what is missing."""

import pytest

from trainer.memory.memory_plan import GIB, MemoryPlan, loss_bytes, make_memory_plan, usable_bytes
from trainer.memory.traced import TracedBytes

TRACED = TracedBytes(num_parameters=100_000_000, of_parameters=400_000_000, fixed=600e6, per_row=50e6)


def plan(rows: int) -> MemoryPlan:
    return make_memory_plan(
        TRACED, rows=rows, global_batch_size=8 * rows, embed_dim=512, image_px=224, tokens_per_text=16.0
    )


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
