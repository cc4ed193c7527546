"""The table names what a training takes and marks the micro-batch that fits; nothing of the model is computed."""

from typing import Any

import pytest

from trainer.memory.config import MemoryPlanConfig
from trainer.memory.table import memory_table


def test_the_micro_batch_that_fits_is_marked() -> None:
    table = memory_table(MemoryPlanConfig(model="vit-tiny", global_batch_size=65_536, num_workers=2, gpu_gb=8.0))
    (chosen,) = (line for line in table.splitlines() if line.startswith("* "))
    assert "GradCache" in chosen
    assert chosen.endswith("fits")
    assert "32,768 at once" in table
    assert "does not fit" in table.splitlines()[-1]


def test_a_batch_that_fits_is_taken_whole() -> None:
    table = memory_table(MemoryPlanConfig(model="vit-tiny", global_batch_size=64, gpu_gb=80.0, precision="float32"))
    (chosen,) = (line for line in table.splitlines() if line.startswith("* "))
    assert chosen.startswith("* 64 at once ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "x"}, "model must be one of"),
        ({"gpu_gb": 0.0}, "gpu_gb must be above 0 and finite, found 0.0"),
        ({"num_workers": 0}, "num_workers must be at least 1, found 0"),
        ({"num_workers": 8, "global_batch_size": 12}, "at least 2 per worker, found 12 for 8 workers"),
    ],
)
def test_bad_values_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MemoryPlanConfig(**changes)
