"""Which precision products have, under autocast and without; FlashAttention is CUDA's."""

import torch

from trainer.model.precision import has_flash, product_dtype


def test_autocast_decides_before_the_weights() -> None:
    weight = torch.zeros(1)
    assert product_dtype(weight) == torch.float32
    assert product_dtype(weight.half()) == torch.float16
    with torch.autocast("cpu", torch.bfloat16):
        assert product_dtype(weight) == torch.bfloat16
        assert (weight.view(1, 1) @ weight.view(1, 1)).dtype == torch.bfloat16
        assert product_dtype(weight.double()) == torch.float64
        assert (weight.double().view(1, 1) @ weight.double().view(1, 1)).dtype == torch.float64


def test_a_cpu_has_no_flash_attention_for_texts() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert not has_flash(torch.zeros(1), 64)
