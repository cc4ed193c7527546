"""The precision of matrix products: autocast's where that is on, else the weights'; that of float32's own on a GPU."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_SETTING = threading.Lock()
"""Held while products are started whose precision must not be that of another thread."""


@contextmanager
def float32_products(device: torch.device, precision: str | None = None) -> Iterator[None]:
    """Have a GPU make the products of float32 that this thread starts inside in `precision`, such as ``tf32``.

    None: in the one that the process is set to. torch has one setting for all threads, which counts when a product is
    started: who makes such products beside a thread that changes it comes here, too. Inside, nothing may be asked of
    torch's older names for it (``allow_tf32``), which refuse the mixture. Nothing happens on a CPU.
    """
    if device.type != "cuda":
        yield
        return
    setting = torch.backends.cuda.matmul
    with _SETTING:
        before = setting.fp32_precision
        if precision is not None:
            setting.fp32_precision = precision
        try:
            yield
        finally:
            setting.fp32_precision = before


def product_dtype(weight: torch.Tensor) -> torch.dtype:
    """Return the type in which a product with `weight` is made."""
    device = weight.device.type
    if (
        device != "meta" and torch.is_autocast_enabled(device) and weight.dtype != torch.float64
    ):  # autocast leaves float64 alone
        return torch.get_autocast_dtype(device)
    return weight.dtype


def has_flash(weight: torch.Tensor, head_width: int) -> bool:
    """Tell whether FlashAttention runs beside `weight`: CUDA since Ampere (or AMD's build), half precision.

    Its kernels for texts of any length take heads of up to 256 channels, a multiple of 8.
    """
    if weight.device.type != "cuda" or product_dtype(weight) not in (torch.bfloat16, torch.float16):
        return False
    if head_width % 8 or head_width > 256:
        return False
    return torch.version.hip is not None or torch.cuda.get_device_capability(weight.device) >= (8, 0)
