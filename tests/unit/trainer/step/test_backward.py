"""Gradients of a batch: those of the loss, of this batch alone, in any precision; scaled where a scaler is given."""

import pytest
import torch

from tests.support.small_clip import gradients, small_batch, small_clip
from trainer.loss.contrastive import contrastive_loss
from trainer.step.backward import backward
from trainer.workers.distributed import World

WORLD = World(0, 1, torch.device("cpu"))


def test_gradients_are_those_of_the_loss_and_of_this_batch_alone() -> None:
    model, batch = small_clip().float(), small_batch(6)
    loss = contrastive_loss(*model(batch.images_b3PP, batch.texts), WORLD, 6)
    loss.backward()
    wanted = {name: gradient.clone() for name, gradient in gradients(model).items()}
    for _ in range(2):  # what the second begins with is dropped
        found = backward(model, batch, WORLD, global_batch_size=6)
        assert not found.requires_grad
        assert found == loss
        assert gradients(model).keys() == wanted.keys()
        assert all(torch.equal(gradient, wanted[name]) for name, gradient in gradients(model).items())


def test_a_scaler_multiplies_gradients_but_not_the_loss() -> None:
    model = small_clip().float()
    loss = backward(model, small_batch(6), WORLD, global_batch_size=6)
    plain = gradients(model)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    assert backward(model, small_batch(6), WORLD, global_batch_size=6, scaler=scaler) == loss
    for name, gradient in gradients(model).items():
        torch.testing.assert_close(gradient, 1024 * plain[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_near_float32(dtype: torch.dtype) -> None:
    model = small_clip().float()
    loss = backward(model, small_batch(6), WORLD, global_batch_size=6)
    near = backward(model, small_batch(6), WORLD, global_batch_size=6, autocast=dtype)
    assert near != loss
    assert float(near) == pytest.approx(float(loss), rel=0.02)
    assert all(gradient.dtype == torch.float32 for gradient in gradients(model).values())
