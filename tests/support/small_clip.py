"""A CLIP model of one block an encoder in float64, batches for it, and its loss as the paper writes it."""

import torch
import torch.nn.functional as F

from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, TextConfig, ViTConfig

CONFIG = ModelConfig(
    embed_dim=8,
    image=ViTConfig(image_px=16, patch_px=8, width=16, layers=1, heads=2),
    text=TextConfig(width=16, layers=1, heads=2, context_length=6, vocab_size=20),
)


def small_clip(config: ModelConfig = CONFIG, scale: float | None = None) -> CLIP:
    """Return the same weights at each call; `scale` in place of the first one."""
    torch.manual_seed(0)
    model = CLIP(config).double()
    if scale is not None:
        model.logit_scale.data.fill_(scale).log_()
    return model


def small_batch(size: int, image_px: int = 16) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return images, tokens and places of [EOS]; the same rows at each call."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (size, 3, image_px, image_px), generator=generator, dtype=torch.uint8)
    tokens = torch.randint(0, 20, (size, 6), generator=generator)
    return images, tokens, torch.randint(1, 6, (size,), generator=generator)


def eager_loss(
    images_BE: torch.Tensor, texts_BE: torch.Tensor, scale: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the loss of the whole batch: CLIP's (figure 3), or with a bias SigLIP's (algorithm 1)."""
    logits_BB = scale * images_BE @ texts_BE.T
    if bias is not None:
        signs_BB = 2 * torch.eye(len(images_BE), dtype=logits_BB.dtype) - 1
        return -F.logsigmoid(signs_BB * (logits_BB + bias)).sum() / len(images_BE)
    labels_B = torch.arange(len(images_BE), device=images_BE.device)
    return (F.cross_entropy(logits_BB, labels_B) + F.cross_entropy(logits_BB.T, labels_B)) / 2


def gradients(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the gradients that the parameters hold, by name."""
    found = {name: parameter.grad for name, parameter in model.named_parameters()}
    return {name: gradient for name, gradient in found.items() if gradient is not None}


def assert_gradients_equal(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    """Compare gradients in float64: no element is off by more than 1e-12 of the tensor's largest."""
    assert found.keys() == wanted.keys()
    for name, gradient in wanted.items():
        most = float((found[name] - gradient).abs().max())
        assert most <= 1e-12 * float(gradient.abs().max()), (name, most)
