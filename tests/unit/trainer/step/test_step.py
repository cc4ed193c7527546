"""One optimizer step: the learning rate is taken, the loss goes down, the scale stays clamped."""

import pytest
import torch

from trainer.data.batch import Batch
from trainer.data.packed_texts import PackedTexts
from trainer.model.clip import CLIP
from trainer.optim.adamw import make_optimizer
from trainer.presets import PRESETS, ModelConfig, TextConfig, ViTConfig
from trainer.step.step import train_step
from trainer.step.update import Updater
from trainer.workers.distributed import World

CONFIG = ModelConfig(
    embed_dim=8,
    image=ViTConfig(image_px=16, patch_px=8, width=16, layers=1, heads=2),
    text=TextConfig(width=16, layers=1, heads=2, context_length=6, vocab_size=20),
)
WORLD = World(0, 1, torch.device("cpu"))


def batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    fields = dict.fromkeys(Batch.__dataclass_fields__)
    told = {
        "images_b3PP": torch.randint(0, 256, (4, 3, 16, 16), generator=generator, dtype=torch.uint8),
        "texts": PackedTexts.from_rows(torch.randint(1, 20, (4, 6), generator=generator).tolist()),
        "first_place": 0,
    }  # fmt: skip
    return Batch(**fields | told)


def losses(rate: float, steps: int, autocast: bool = False) -> tuple[list[float], CLIP]:
    torch.manual_seed(0)
    model = CLIP(CONFIG)
    optimizer = make_optimizer(model, PRESETS["vit-tiny"].recipe)
    updater, found = Updater(model, optimizer), []
    for _ in range(steps):
        loss, _ = train_step(
            model, updater, batch(), WORLD, step=1, global_batch_size=4, learning_rate=rate,
            autocast=torch.bfloat16 if autocast else None,
        )  # fmt: skip
        assert not loss.requires_grad
        found.append(float(loss))
    assert {group["lr"] for group in optimizer.param_groups} == {rate}
    return found, model


@pytest.mark.parametrize("autocast", [False, True])
def test_a_batch_is_learnt(autocast: bool) -> None:
    found, _ = losses(1e-2, 12, autocast)
    assert found[-1] < found[0] / 2


def test_at_a_rate_of_zero_nothing_changes() -> None:
    found, model = losses(0.0, 2)
    assert found[0] == found[1]
    torch.manual_seed(0)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), CLIP(CONFIG).parameters(), strict=True))


def test_the_scale_stays_below_its_bound() -> None:
    torch.manual_seed(0)
    model = CLIP(CONFIG)
    model.logit_scale.data.fill_(9.0)
    optimizer = make_optimizer(model, PRESETS["vit-tiny"].recipe)
    updater = Updater(model, optimizer)
    train_step(model, updater, batch(), WORLD, step=1, global_batch_size=4, learning_rate=1e-3, autocast=None)
    assert float(model.logit_scale.detach().exp()) == pytest.approx(100.0)
