"""Encoders that are kept as they are (LiT, arXiv 2111.07991), whole or but for their last groups.

What is locked takes no gradient, so autograd records nothing before the first part that is trained; its BatchNorms keep
their statistics, in training too.
"""

from collections.abc import Iterable

from torch import nn

from trainer.model.clip import CLIP
from trainer.model.resnet import ModifiedResNet
from trainer.model.text import TextTransformer
from trainer.model.vit import VisionTransformer
from trainer.options.model import ModelOptions

Part = nn.Module | nn.Parameter


class LockedBatchNorm2d(nn.BatchNorm2d):
    """A BatchNorm that uses the statistics it has, in training as in evaluation."""

    def train(self, mode: bool = True) -> "LockedBatchNorm2d":
        super().train(False)
        return self


def lock_encoders(model: CLIP, locks: ModelOptions, *, is_projection_new: bool = False) -> None:
    """Lock what the options name; a new projection of the image encoder, its last group, is trained all the same.

    That there are so many has been checked with the options.
    """
    if locks.lock_image:
        unlocked = max(locks.lock_image_unlocked, int(is_projection_new))
        _lock(image_groups(model.image_encoder), unlocked)
    if locks.lock_text:
        _lock(text_groups(model.text_encoder), locks.lock_text_unlocked)


def image_groups(encoder: nn.Module) -> list[list[Part]]:
    """Return the parts of an image encoder from first to last, in groups: open_clip's, and alike for ResNets."""
    if isinstance(encoder, ModifiedResNet):
        stem: list[Part] = [getattr(encoder, f"{kind}{number}") for number in (1, 2, 3) for kind in ("conv", "bn")]
        stages = (encoder.layer1, encoder.layer2, encoder.layer3, encoder.layer4)
        return [stem, *_single(block for stage in stages for block in stage), [encoder.attnpool]]
    assert isinstance(encoder, VisionTransformer)
    *blocks, last = encoder.transformer.resblocks
    first: list[Part] = [encoder.conv1, encoder.class_embedding, encoder.positional_embedding, encoder.ln_pre]
    return [first, *_single(blocks), [last, encoder.ln_post], [encoder.proj]]


def text_groups(encoder: TextTransformer) -> list[list[Part]]:
    """Return the parts of the text encoder from first to last, in groups."""
    *blocks, last = encoder.transformer.resblocks
    first: list[Part] = [encoder.token_embedding, encoder.positional_embedding]
    return [first, *_single(blocks), [last, encoder.ln_final], [encoder.text_projection]]


def _single(parts: Iterable[nn.Module]) -> list[list[Part]]:
    return [[part] for part in parts]


def _lock(groups: list[list[Part]], unlocked: int) -> None:
    assert unlocked <= len(groups)
    for group in groups[: len(groups) - unlocked]:
        for part in group:
            part.requires_grad_(False)
            if isinstance(part, nn.Module):
                _lock_statistics(part)


def _lock_statistics(module: nn.Module) -> None:
    """Make BatchNorms keep their statistics; their class changes, so that parameters and names stay."""
    for each in module.modules():
        if type(each) is nn.BatchNorm2d:
            each.__class__ = LockedBatchNorm2d
            each.eval()
