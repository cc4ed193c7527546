"""CLIP models of three blocks an encoder, their images and texts, for tests of what encoders do."""

import torch

from tests.support.small_clip import small_clip
from trainer.data.packed_texts import PackedTexts
from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, ResNetConfig, TextConfig, ViTConfig

TEXT = TextConfig(width=32, layers=3, heads=4, context_length=12, vocab_size=50)
VIT = ModelConfig(embed_dim=16, image=ViTConfig(image_px=32, patch_px=8, width=32, layers=3, heads=4), text=TEXT)
RESNET = ModelConfig(embed_dim=16, image=ResNetConfig(image_px=32, width=8, blocks=(1, 1, 2, 1)), text=TEXT)


def moved_clip(config: ModelConfig) -> CLIP:
    """Return a model away from its first weights, in float32: gains of one and biases of zero hide faults."""
    model = small_clip(config).float()
    for parameter in model.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    return model


def images(num: int) -> torch.Tensor:
    return torch.randint(0, 256, (num, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(num))


def texts(num: int, seed: int = 0) -> PackedTexts:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, 13, (num,), generator=generator).tolist()
    return PackedTexts.from_rows([torch.randint(0, 50, (length,), generator=generator).tolist() for length in lengths])


def feature_gradients(model: CLIP, num: int, places_N: torch.Tensor | None = None) -> list[torch.Tensor]:
    """Return the gradients of a sum of weighted features."""
    model.zero_grad(set_to_none=True)
    image, text, _ = model(images(num), texts(num), places_N)
    weights = torch.linspace(-1, 1, image.numel(), dtype=image.dtype).view_as(image)
    (image * weights + text * weights * text).sum().backward()
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]
