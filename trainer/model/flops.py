"""Floating point operations of a training step that are of use, and what a device can do at most.

Counted are the model's matrix products over real pixels and tokens: padding, activations computed again and the loss
are not. A training step is three forward passes (PaLM, arXiv 2204.02311, appendix B). Shapes: N samples, C channels.
"""

import math

import numpy as np
import numpy.typing as npt
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, TextConfig

FORWARDS_A_STEP = 3

_PEAK_TFLOPS = {
    "B200": 2_250, "H200": 989, "H100 PCIe": 756, "H100 NVL": 835, "H100": 989, "GH200": 989, "A100": 312, "A800": 312,
    "H800": 989, "L40S": 362, "L40": 181, "L4": 121, "A10G": 70, "A10": 125, "A6000": 155, "V100": 125, "T4": 65,
    "4090": 165, "3090": 71,
}  # fmt: skip
"""Of dense products of bfloat16 (float16 where there is none) with sums in float32: NVIDIA's data sheets. The first
name that is part of the device's counts."""


def peak_flops(device: torch.device) -> float | None:
    """Return the device's peak in half precision, operations a second; None for a CPU or a device not known."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((1e12 * peak for part, peak in _PEAK_TFLOPS.items() if part in name), None)


def image_flops(config: ModelConfig) -> int:
    """Return the operations of one image's forward pass, counted on tensors without memory."""
    with FakeTensorMode(), FlopCounterMode(display=False) as counter, torch.no_grad():
        model = CLIP(config).eval()
        model.encode_images(torch.zeros(1, 3, config.image.image_px, config.image.image_px, dtype=torch.uint8))
    return int(counter.get_total_flops())


def text_flops(config: TextConfig, embed_dim: int, lengths_N: npt.NDArray[np.int64]) -> int:
    """Return the operations of the captions' forward pass: `lengths_N` tokens, each seen by those after it.

    The last block ends in [EOS] alone: there it takes keys and values of all tokens, the rest of one.
    """
    width, num, tokens = config.width, len(lengths_N), int(lengths_N.sum())
    seen = int((lengths_N * (lengths_N + 1) // 2).sum())
    block = 24 * width**2 * tokens + 4 * width * seen
    last_block = 4 * width**2 * tokens + 20 * width**2 * num + 4 * width * tokens
    return (config.layers - 1) * block + last_block + 2 * width * embed_dim * num


class StepFlops:
    """Operations of the training steps of one model."""

    def __init__(self, config: ModelConfig) -> None:
        self._config = config
        self._image = image_flops(config)

    def of(self, lengths_N: npt.NDArray[np.int64]) -> int:
        """Return the operations of a step on images with captions of so many tokens."""
        texts = text_flops(self._config.text, self._config.embed_dim, lengths_N)
        return FORWARDS_A_STEP * (self._image * len(lengths_N) + texts)


def utilization(flops: float, seconds: float, peak: float | None) -> float | None:
    """Return the share of `peak` operations a second that was used; None where it is not known."""
    if peak is None or not math.isfinite(flops):
        return None
    return flops / (seconds * peak)
