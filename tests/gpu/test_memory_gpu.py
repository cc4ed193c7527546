"""On a CUDA GPU: the plan's bytes are those that a step takes, and a run chooses by itself."""

import pytest
import torch

from trainer.config import TrainConfig
from trainer.data.batch import Batch
from trainer.data.packed_texts import PackedTexts
from trainer.memory.plan_memory import plan_memory
from trainer.memory.rows_at_once import find_rows_at_once
from trainer.model.clip import CLIP
from trainer.presets import find_preset
from trainer.step.backward import backward
from trainer.workers.distributed import World

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]


@pytest.mark.parametrize("preset", ["vit-b-32", "rn50"])
def test_a_step_takes_what_was_planned(preset: str) -> None:
    world, rows, tokens = World(0, 1, torch.device("cuda", 0)), 128, 16
    config = find_preset(preset).model
    side = config.image.image_px
    batch = Batch(
        ids=torch.arange(rows).numpy(),
        images_b3PP=torch.zeros(rows, 3, side, side, dtype=torch.uint8),
        captions=[],
        texts=PackedTexts.from_rows([[1] * tokens] * rows),
        replaced=0,
    )
    model = CLIP(config).to(world.device)
    backward(model, batch, world, global_batch_size=rows, autocast=torch.bfloat16)
    torch.cuda.reset_peak_memory_stats()
    backward(model, batch, world, global_batch_size=rows, autocast=torch.bfloat16)
    options = TrainConfig(shards=("s",), output="o", model=preset, global_batch_size=rows)
    plan = plan_memory(options, config, world, 80 << 30, tokens)
    planned = plan.needed(rows) - plan.steady.optimizer
    assert 0.75 * planned < torch.cuda.max_memory_allocated() < 1.1 * planned


def test_a_run_takes_all_rows_that_fit() -> None:
    config = TrainConfig(shards=("s",), output="o", model="vit-tiny", global_batch_size=64)
    found = find_rows_at_once(config, World(0, 1, torch.device("cuda", 0)), config.model_config)
    assert found.micro_batch == 64
    assert found.told is not None
    assert "64 pairs a worker at once" in found.told
