"""The precision of matrix products: autocast's where that is on, else the weights'."""

import torch


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
