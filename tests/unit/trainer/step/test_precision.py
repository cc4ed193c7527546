"""The type of autocast by option and device."""

import pytest
import torch

from trainer.step.precision import autocast_dtype


@pytest.mark.parametrize(
    ("precision", "device", "wanted"),
    [
        ("auto", "cpu", None), ("auto", "cuda", torch.bfloat16), ("float32", "cuda", None),
        ("bfloat16", "cpu", torch.bfloat16), ("float16", "cpu", torch.float16), ("float16", "cuda", torch.float16),
    ],
)  # fmt: skip
def test_autocast_is_in(precision: str, device: str, wanted: torch.dtype | None) -> None:
    assert autocast_dtype(precision, torch.device(device)) == wanted
