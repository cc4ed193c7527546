"""What matrix products are computed in: the option `--precision` and a device in, the type of autocast out."""

import torch

HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """Return the type for `torch.autocast`, None for float32 without it; ``auto`` is bfloat16 on a GPU alone.

    with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None): ...
    """
    if precision == "auto":
        return torch.bfloat16 if device.type == "cuda" else None
    return HALF.get(precision)
