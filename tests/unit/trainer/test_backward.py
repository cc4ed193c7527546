"""Gradients of a batch: those of the loss, of this batch alone, in any precision; scaled where a scaler is given."""

import pytest
import torch

from trainer.backward import backward
from trainer.data.batch import Batch
from trainer.data.packed_texts import PackedTexts
from trainer.distributed import World
from trainer.loss.contrastive import contrastive_loss
from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, TextConfig, ViTConfig

CONFIG = ModelConfig(
    embed_dim=8,
    image=ViTConfig(image_px=16, patch_px=8, width=16, layers=1, heads=2),
    text=TextConfig(width=16, layers=1, heads=2, context_length=6, vocab_size=20),
)
WORLD = World(0, 1, torch.device("cpu"))


def made_batch(size: int = 6) -> Batch:
    generator = torch.Generator().manual_seed(1)
    fields = dict.fromkeys(Batch.__dataclass_fields__)
    told = {
        "images_b3PP": torch.randint(0, 256, (size, 3, 16, 16), generator=generator, dtype=torch.uint8),
        "texts": PackedTexts.from_rows(torch.randint(1, 20, (size, 6), generator=generator).tolist()),
    }  # fmt: skip
    return Batch(**fields | told)


def made_model() -> CLIP:
    torch.manual_seed(0)
    return CLIP(CONFIG)


def gradients(model: CLIP) -> dict[str, torch.Tensor]:
    found = {name: parameter.grad for name, parameter in model.named_parameters()}
    return {name: gradient for name, gradient in found.items() if gradient is not None}


def test_gradients_are_those_of_the_loss_and_of_this_batch_alone() -> None:
    model, batch = made_model(), made_batch()
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
    model = made_model()
    loss = backward(model, made_batch(), WORLD, global_batch_size=6)
    plain = gradients(model)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    assert backward(model, made_batch(), WORLD, global_batch_size=6, scaler=scaler) == loss
    for name, gradient in gradients(model).items():
        torch.testing.assert_close(gradient, 1024 * plain[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_near_float32(dtype: torch.dtype) -> None:
    model = made_model()
    loss = backward(model, made_batch(), WORLD, global_batch_size=6)
    near = backward(model, made_batch(), WORLD, global_batch_size=6, autocast=dtype)
    assert near != loss
    assert float(near) == pytest.approx(float(loss), rel=0.02)
    assert all(gradient.dtype == torch.float32 for gradient in gradients(model).values())
