"""The model's outputs decide the loss; half precision ends before it."""

import dataclasses

import pytest
import torch

from tests.support.small_clip import CONFIG, eager_loss, small_batch, small_clip
from trainer.loss.batch_loss import batch_loss
from trainer.presets import LossName
from trainer.workers.distributed import World

ALONE = World(0, 1, torch.device("cpu"))


@pytest.mark.parametrize("loss", ["contrastive", "sigmoid"])
def test_the_model_says_which_loss(loss: LossName) -> None:
    model, batch = small_clip(dataclasses.replace(CONFIG, loss=loss)), small_batch(6)
    outputs = model(batch.images_b3PP, batch.texts)
    assert len(outputs) == (4 if loss == "sigmoid" else 3)
    torch.testing.assert_close(batch_loss(outputs, ALONE, 6), eager_loss(*outputs), rtol=1e-13, atol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_widened(dtype: torch.dtype) -> None:
    batch = small_batch(6)
    images, texts, scale = small_clip().float()(batch.images_b3PP, batch.texts)
    outputs = (images.to(dtype), texts.to(dtype), scale)
    assert torch.equal(
        batch_loss(outputs, ALONE, 6), batch_loss((images.to(dtype).float(), texts.to(dtype).float(), scale), ALONE, 6)
    )
