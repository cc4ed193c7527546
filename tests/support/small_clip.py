"""A CLIP model of one block an encoder in float64, batches for it, and its loss as the paper writes it."""

import dataclasses

import numpy as np
import torch
import torch.nn.functional as F

from trainer.data.batch import Batch
from trainer.data.packed_texts import PackedTexts
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


def small_batch(size: int, image_px: int = 16) -> Batch:
    """Return images and captions of 2 to 6 tokens; the same rows at each call."""
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(0, 20, (size, 6), generator=generator).tolist()
    lengths = torch.randint(2, 7, (size,), generator=generator).tolist()
    return Batch(
        ids=np.arange(size, dtype=np.int64),
        images_b3PP=torch.randint(0, 256, (size, 3, image_px, image_px), generator=generator, dtype=torch.uint8),
        captions=[],
        texts=PackedTexts.from_rows([row[:length] for row, length in zip(tokens, lengths, strict=True)]),
        replaced=0,
    )


def rows_of(batch: Batch, start: int, stop: int) -> Batch:
    """Return what a worker with rows `start` .. `stop` - 1 has of a global batch."""
    return dataclasses.replace(
        batch, ids=batch.ids[start:stop], images_b3PP=batch.images_b3PP[start:stop], texts=batch.texts.rows(start, stop)
    )


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
    """Compare gradients in float64: no element is off by more than 1e-12 of its tensor's largest.

    A gradient that is zero but for rounding, as of keys' biases, is measured by a thousandth of the largest of all.
    """
    assert found.keys() == wanted.keys()
    largest = max(float(gradient.abs().max()) for gradient in wanted.values())
    for name, gradient in wanted.items():
        most = float((found[name] - gradient).abs().max())
        assert most <= 1e-12 * max(float(gradient.abs().max()), largest / 1_000), (name, most)
