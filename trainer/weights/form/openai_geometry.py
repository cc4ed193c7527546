"""The geometry of OpenAI's released weights, which tell no config: it stands in their shapes, and in what they share.

All of the release have heads of 64 channels and QuickGELU (CLIP's code, `model.py`: `build_model`); its files are told
from others of the same names by the three numbers that they hold beside the weights.
"""

from collections.abc import Mapping

import torch

from trainer.presets import ModelConfig, ResNetConfig, TextConfig, ViTConfig

MARKS = ("input_resolution", "context_length", "vocab_size")
"""Entries of the release's files alone, each one number."""
_HEAD_WIDTH = 64


def openai_geometry(tensors: Mapping[str, torch.Tensor]) -> ModelConfig | None:
    """Return the geometry of the release's tensors by their names; None for tensors of others."""
    if any(name not in tensors for name in (*MARKS, "visual.conv1.weight", "text_projection", "positional_embedding")):
        return None
    image_px, context_length, vocab_size = (int(tensors[name]) for name in MARKS)
    width, embed_dim = tensors["text_projection"].shape
    text = TextConfig(
        width=width, heads=_heads(width), layers=_count(tensors, "transformer.resblocks."),
        context_length=context_length, vocab_size=vocab_size,
    )  # fmt: skip
    image = _vit(tensors, image_px) if "visual.proj" in tensors else _resnet(tensors, image_px)
    return ModelConfig(embed_dim=embed_dim, image=image, text=text)


def _vit(tensors: Mapping[str, torch.Tensor], image_px: int) -> ViTConfig:
    width, _, patch_px, _ = tensors["visual.conv1.weight"].shape
    layers = _count(tensors, "visual.transformer.resblocks.")
    return ViTConfig(image_px=image_px, patch_px=patch_px, width=width, layers=layers, heads=_heads(width))


def _resnet(tensors: Mapping[str, torch.Tensor], image_px: int) -> ResNetConfig:
    first, second, third, fourth = (_count(tensors, f"visual.layer{stage}.") for stage in (1, 2, 3, 4))
    width = 2 * len(tensors["visual.conv1.weight"])
    return ResNetConfig(image_px=image_px, width=width, blocks=(first, second, third, fourth))


def _heads(width: int) -> int:
    return max(1, width // _HEAD_WIDTH)


def _count(tensors: Mapping[str, torch.Tensor], prefix: str) -> int:
    """Return how many numbered blocks stand below a prefix."""
    return len({name.removeprefix(prefix).partition(".")[0] for name in tensors if name.startswith(prefix)})
