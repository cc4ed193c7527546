"""The SHA-256 by which weights are known, however they were stored: whole or in parts, by our names or by others'."""

import hashlib
from collections.abc import Mapping

import numpy as np
import torch


def weights_sha256(tensors: Mapping[str, torch.Tensor], told: str = "") -> str:
    """Return the SHA-256 of what is `told` of a model, and of names, shapes and float32 values of its weights.

    BatchNorm's counts, which change no feature, have no part in it.
    """
    whole = hashlib.sha256(told.encode())
    for name, tensor in sorted(tensors.items()):
        if tensor.is_floating_point():
            values = tensor.detach().cpu().contiguous().numpy().astype("<f4", copy=False)
            whole.update(f"{name} {values.shape} ".encode())
            whole.update(np.ascontiguousarray(values).data)
    return whole.hexdigest()
