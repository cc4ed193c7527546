"""Locked encoders: no gradient, statistics kept, and open_clip's groups from the end."""

from typing import Any

import pytest
import torch
from torch import nn

from tests.support.foreign_models import ONE, random_pairs
from trainer.config import TrainConfig
from trainer.loss.contrastive import contrastive_loss
from trainer.model.clip import CLIP
from trainer.optim.adamw import make_optimizer
from trainer.presets import PRESETS, ModelConfig, ResNetConfig, TextConfig, ViTConfig
from trainer.weights.lock import image_groups, lock_encoders, text_groups

TEXT = TextConfig(width=32, layers=2, heads=4, context_length=12, vocab_size=50)
VIT = ModelConfig(embed_dim=16, image=ViTConfig(image_px=32, patch_px=8, width=32, layers=3, heads=4), text=TEXT)
RESNET = ModelConfig(embed_dim=16, image=ResNetConfig(image_px=32, width=8, blocks=(1, 1, 2, 1)), text=TEXT)


def locked(config: ModelConfig, *, is_projection_new: bool = False, **options: Any) -> CLIP:
    torch.manual_seed(0)
    model = CLIP(config)
    config_of_run = TrainConfig(shards=("s",), output="o", init_from="w", **options)
    lock_encoders(model, config_of_run, is_projection_new=is_projection_new)
    return model.train()


def step(model: CLIP) -> dict[str, torch.Tensor]:
    """Take one optimizer step; return what the model was before."""
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimizer = make_optimizer(model, PRESETS["vit-tiny"].recipe)
    pairs = random_pairs(model.config, 4)
    image, text, scale = model(pairs.images_N3PP, pairs.texts)
    contrastive_loss(image, text, scale, ONE, 4).backward()
    optimizer.step()
    return before


def moved(model: CLIP, before: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}


@pytest.mark.parametrize("config", [VIT, RESNET], ids=["vit", "resnet"])
def test_a_locked_image_encoder_stays_as_it_is_statistics_too(config: ModelConfig) -> None:
    model = locked(config, lock_image=True)
    found = moved(model, step(model))
    assert found
    assert all(name.startswith(("text_encoder.", "logit_scale")) for name in found)
    pairs = random_pairs(config, 4)
    assert not model.encode_images(pairs.images_N3PP).requires_grad
    batch_norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert not any(module.training for module in batch_norms)


def test_a_locked_text_encoder_stays_as_it_is() -> None:
    model = locked(VIT, lock_text=True)
    found = moved(model, step(model))
    assert all(name.startswith(("image_encoder.", "logit_scale")) for name in found)
    pairs = random_pairs(VIT, 4)
    assert not model.encode_texts(pairs.texts).requires_grad


def trained(model: CLIP) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad and "image" in name}


def test_the_last_groups_are_trained_after_all() -> None:
    assert trained(locked(VIT, lock_image=True, lock_image_unlocked=1)) == {"image_encoder.proj"}
    two = trained(locked(VIT, lock_image=True, lock_image_unlocked=2))
    blocks = {name.split(".")[3] for name in two if "resblocks" in name}
    assert blocks == {"2"}
    assert {"image_encoder.proj", "image_encoder.ln_post.weight"} < two
    model = locked(RESNET, lock_image=True, lock_image_unlocked=2)
    assert {name.split(".")[1] for name in trained(model)} == {"layer4", "attnpool"}
    found = moved(model, step(model))
    assert "image_encoder.layer4.0.bn1.running_mean" in found
    assert not any(name.startswith("image_encoder.layer3") for name in found)


def test_a_new_projection_is_trained() -> None:
    assert trained(locked(VIT, lock_image=True, is_projection_new=True)) == {"image_encoder.proj"}


@pytest.mark.parametrize("config", [VIT, RESNET], ids=["vit", "resnet"])
def test_groups_hold_each_parameter_once(config: ModelConfig) -> None:
    model = CLIP(config)
    for encoder, groups in (
        (model.image_encoder, image_groups(model.image_encoder)),
        (model.text_encoder, text_groups(model.text_encoder)),
    ):
        parts = [part for group in groups for part in group]
        held = [
            parameter for part in parts for parameter in (part.parameters() if isinstance(part, nn.Module) else (part,))
        ]
        assert sorted(map(id, held)) == sorted(map(id, encoder.parameters()))


@pytest.mark.parametrize("config", [VIT, RESNET], ids=["vit", "resnet"])
def test_options_know_the_number_of_groups(config: ModelConfig) -> None:
    model = CLIP(config)
    assert len(image_groups(model.image_encoder)) == config.image.num_groups
    assert len(text_groups(model.text_encoder)) == config.text.num_groups


def test_names_stay() -> None:
    both = {"lock_image": True, "lock_text": True, "lock_text_unlocked": 1}
    assert locked(RESNET, **both).state_dict().keys() == CLIP(RESNET).state_dict().keys()
    assert not trained(locked(RESNET, lock_image=True))
