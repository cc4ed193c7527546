"""Which weights of the text encoder are kept in half precision; replicas of them stay equal to the bit."""

import hashlib
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from tests.support.worker_group import on_workers
from trainer.data.batch import Batch
from trainer.data.packed_texts import PackedTexts
from trainer.model.clip import CLIP
from trainer.optim.adamw import make_optimizer, set_learning_rate
from trainer.optim.gradients import apply_gradients
from trainer.optim.text_weights import keep_text_weights
from trainer.options.optim import OptimOptions
from trainer.presets import ModelConfig, Recipe, TextConfig, ViTConfig, find_preset
from trainer.step.backward import backward
from trainer.workers.distributed import World, local_rows

CONFIG = ModelConfig(
    embed_dim=8,
    image=ViTConfig(image_px=16, patch_px=8, width=16, layers=1, heads=2),
    text=TextConfig(width=16, layers=1, heads=2, context_length=6, vocab_size=20),
)
BATCH = 7
OPTIONS = OptimOptions(adam_statistics="bfloat16", text_weights="bfloat16", clip_gradient_norm=1.0)


def test_linear_maps_are_halves_and_the_rest_is_not() -> None:
    torch.manual_seed(0)
    model = CLIP(find_preset("vit-tiny").model)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    keep_text_weights(model, "bfloat16")
    for name, parameter in model.named_parameters():
        linear = name.startswith("text_encoder.transformer") and ".ln_" not in name
        wanted = linear or name == "text_encoder.text_projection"
        assert (parameter.dtype == torch.bfloat16) == wanted, name
        assert torch.equal(parameter, before[name].to(parameter.dtype))
    halves = sum(parameter.numel() for parameter in model.parameters() if parameter.dtype == torch.bfloat16)
    assert halves == 2 * (12 * 128**2 + 9 * 128) + 128**2


def test_float32_changes_nothing() -> None:
    model = CLIP(find_preset("vit-tiny").model)
    keep_text_weights(model, "float32")
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def rows(step: int, start: int, stop: int) -> Batch:
    generator = torch.Generator().manual_seed(step)
    images = torch.randint(0, 256, (BATCH, 3, 16, 16), generator=generator, dtype=torch.uint8)
    texts = torch.randint(1, 20, (BATCH, 6), generator=generator)
    told = {"images_b3PP": images[start:stop], "texts": PackedTexts.from_rows(texts[start:stop].tolist())}
    return Batch(**dict.fromkeys(Batch.__dataclass_fields__) | {"first_place": 0} | told)


def train(world: World, steps: int) -> tuple[str, CLIP]:
    """Return a hash of all weights and statistics after `steps` steps, and the model."""
    torch.manual_seed(0)
    model = CLIP(CONFIG)
    keep_text_weights(model, OPTIONS.text_weights)
    optimizer = make_optimizer(model, Recipe(learning_rate=1e-3, beta2=0.98, eps=1e-6), OPTIONS, seed=11)
    wrapped: nn.Module = DistributedDataParallel(model) if world.size > 1 else model
    set_learning_rate(optimizer, 1e-3)
    for step in range(steps):
        batch = rows(step % 50, *local_rows(BATCH, world.rank, world.size))
        backward(wrapped, batch, world, global_batch_size=BATCH, autocast=torch.bfloat16)
        apply_gradients(optimizer, max_norm=OPTIONS.clip_gradient_norm)
        model.clamp_logit_scale()
    whole = hashlib.sha256()
    for parameter in model.parameters():
        for tensor in (parameter.detach(), *optimizer.state[parameter].values()):
            whole.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return whole.hexdigest(), model


def digest(world: World, steps: int) -> str:
    return train(world, steps)[0]


@pytest.mark.parametrize("steps", [3, pytest.param(1000, marks=pytest.mark.slow)])
def test_replicas_stay_equal(steps: int, tmp_path: Path) -> None:
    for digests in on_workers(digest, [(2, steps), (3, steps)], tmp_path):
        assert len(set(digests)) == 1


def test_a_run_repeats_itself_and_moves_its_half_weights() -> None:
    alone = World(0, 1, torch.device("cpu"))
    first, model = train(alone, 3)
    assert train(alone, 3)[0] == first
    begun = train(alone, 0)[1]
    for (name, parameter), other in zip(model.named_parameters(), begun.parameters(), strict=True):
        assert not torch.equal(parameter, other), name
