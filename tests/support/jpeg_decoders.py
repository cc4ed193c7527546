"""What decodes JPEGs in tests as `DeviceDecoder` has it done: torchcodec, and libjpeg-turbo called in its way.

Each value returns the function, or skips the test.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import simplejpeg
import torch

from trainer.data.decode import device

_torchcodecs_decoder = device.torchcodecs_decoder


def torchcodecs() -> Callable[..., Any]:
    """Return torchcodec's, where it loads."""
    try:
        return _torchcodecs_decoder()
    except ValueError as error:
        pytest.skip(str(error))


def libjpeg_turbos() -> Callable[..., Any]:
    """Return what decodes by libjpeg-turbo, and refuses what that complains of."""
    return _decode


def _decode(files: list[torch.Tensor], *, mode: str, device: torch.device) -> list[torch.Tensor]:
    assert (mode, device.type) == ("RGB", "cpu")
    try:
        return [torch.from_numpy(simplejpeg.decode_jpeg(np.array(file))).permute(2, 0, 1) for file in files]
    except ValueError as error:
        raise RuntimeError(str(error)) from error


DECODERS = {"torchcodec": torchcodecs, "libjpeg-turbo": libjpeg_turbos}
