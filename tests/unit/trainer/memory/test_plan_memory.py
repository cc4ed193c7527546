"""The plan of a step is what torch's own profiler sees of a real one, whatever the options change."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from trainer.config import TrainConfig
from trainer.data.batch import Batch
from trainer.memory.memory_plan import MemoryPlan
from trainer.memory.plan_memory import plan_memory
from trainer.memory.planned_model import planned_model
from trainer.memory.traced import made_rows
from trainer.step.backward import backward
from trainer.step.precision import autocast_dtype
from trainer.workers.distributed import World

ONE = World(0, 1, torch.device("cpu"))
TOKENS, ROWS, MICRO = 12, 96, 24
TOLERANCE = 0.1
"""Beside what is planned there are workspaces of kernels; gradients come when activations begin to go."""


def make(**options: Any) -> TrainConfig:
    given = {"model": "vit-tiny", "global_batch_size": ROWS, "device": "cpu"} | options
    return TrainConfig(shards=("s",), output="o", **given)


def planned(config: TrainConfig) -> MemoryPlan:
    return plan_memory(config, config.model_config, ONE, 8 << 30, TOKENS)


def seen_peak(work: Callable[[], object]) -> int:
    """Return the most bytes that torch's allocator held at once for `work`, by its profiler."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        work()
    assert found.profiler is not None
    events = [event for event in found.profiler.kineto_results.events() if event.name() == "[memory]"]
    steps = [event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())]
    return int(np.cumsum(steps).max())


def real_peak(config: TrainConfig, micro_batch: int | None) -> int:
    """Return the peak of forward and backward of a real step, gradients included, weights and batch not."""
    model = planned_model(config, config.model_config)
    images_b3PP, texts = made_rows(ROWS, config.model_config.image.image_px, TOKENS)
    batch = Batch(ids=np.arange(ROWS), images_b3PP=images_b3PP, captions=[], texts=texts, replaced=0)
    autocast = autocast_dtype(config.precision, ONE.device)
    return seen_peak(
        lambda: backward(model, batch, ONE, global_batch_size=ROWS, autocast=autocast, micro_batch=micro_batch)
    )


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="float32"),
        pytest.param({"precision": "bfloat16", "text_weights": "bfloat16"}, id="halves"),
        pytest.param({"activation_checkpointing": "blocks"}, id="recomputed"),
        pytest.param({"patch_dropout": 0.5}, id="patch-dropout"),
        pytest.param({"init_from": "w", "lock_image": True}, id="locked"),
        pytest.param({"micro_batch": MICRO}, id="micro-batches"),
    ],
)
def test_a_step_takes_what_was_planned(options: dict[str, Any]) -> None:
    config = make(**options)
    if config.init_from is not None:
        config = OfPreset(**vars(config))
    micro_batch = None if config.micro_batch == "auto" else config.micro_batch
    plan = planned(config)
    wanted = plan.needed(micro_batch or ROWS) - plan.batch - plan.steady.total
    found = real_peak(config, micro_batch)
    assert (1 - TOLERANCE) * wanted < found < (1 + TOLERANCE) * wanted + plan.steady.gradients


class OfPreset(TrainConfig):
    """A run from given weights, of which the geometry alone matters here."""

    @property
    def model_config(self) -> Any:
        """The preset's."""
        return make().model_config


def test_recomputing_saves_what_the_plan_says() -> None:
    kept, again = make(), make(activation_checkpointing="blocks")
    said = planned(again).activations(ROWS) / planned(kept).activations(ROWS)
    assert said < 0.5
    assert real_peak(again, None) / real_peak(kept, None) == pytest.approx(said, abs=0.08)


def test_planning_draws_nothing() -> None:
    torch.manual_seed(3)
    wanted = torch.rand(())
    torch.manual_seed(3)
    planned(make())
    assert torch.equal(torch.rand(()), wanted)
