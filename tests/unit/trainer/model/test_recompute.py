"""Recomputed blocks: equal gradients, fewer bytes kept, running statistics moved once."""

import pytest
import torch

from tests.support.small_towers import RESNET, VIT, feature_gradients, images, moved_clip, texts
from trainer.model.blocks import blocks_of
from trainer.model.clip import CLIP
from trainer.model.recompute import mark_blocks
from trainer.presets import ModelConfig


def kept_bytes(model: CLIP) -> int:
    """Return what the forward pass keeps besides the weights, each memory once."""
    kept: dict[int, torch.Tensor] = {}
    weights = {parameter.data_ptr() for parameter in model.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.setdefault(x.untyped_storage().data_ptr(), x), id):
        held = model(images(4), texts(4))
    del held
    return sum(x.untyped_storage().nbytes() for x in kept.values() if x.data_ptr() not in weights)


@pytest.mark.parametrize("config", [VIT, RESNET], ids=["vit", "resnet"])
def test_gradients_and_running_statistics_are_those_of_what_is_kept(config: ModelConfig) -> None:
    plain, again = moved_clip(config).double(), moved_clip(config).double()
    names = list(blocks_of(again))
    for chosen in (names, names[::2]):
        mark_blocks(blocks_of(again), chosen)
        for found, wanted in zip(feature_gradients(again, 4), feature_gradients(plain, 4), strict=True):
            assert torch.equal(found, wanted)
        for (name, found), (_, wanted) in zip(again.named_buffers(), plain.named_buffers(), strict=True):
            assert torch.equal(found, wanted), name
    assert config is VIT or int(again.image_encoder.bn1.num_batches_tracked) == 2  # type: ignore[union-attr,arg-type]


@pytest.mark.parametrize(("config", "share"), [(VIT, 0.35), (RESNET, 0.75)], ids=["vit", "resnet"])
def test_blocks_keep_their_input_alone(config: ModelConfig, share: float) -> None:
    model = moved_clip(config)
    whole = kept_bytes(model)
    mark_blocks(blocks_of(model), blocks_of(model))
    assert kept_bytes(model) < share * whole
    mark_blocks(blocks_of(model), ())
    assert kept_bytes(model) == whole


def test_frozen_statistics_stay_frozen() -> None:
    model = moved_clip(RESNET)
    mark_blocks(blocks_of(model), blocks_of(model))
    model.eval()
    before = [buffer.clone() for buffer in model.buffers()]
    feature_gradients(model, 4)
    assert all(torch.equal(found, wanted) for found, wanted in zip(model.buffers(), before, strict=True))
