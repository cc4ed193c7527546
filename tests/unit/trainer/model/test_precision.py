"""Which precision products have, under autocast and without; FlashAttention is CUDA's."""

import threading

import pytest
import torch

from trainer.loss.tiles import tile_precision
from trainer.model.precision import float32_products, has_flash, product_dtype


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


def test_no_other_thread_starts_products_in_the_precision_of_the_loss() -> None:
    """The setting is there without a GPU, too."""
    cuda, seen = torch.device("cuda"), []
    before = torch.backends.cuda.matmul.fp32_precision

    def decode() -> None:
        with float32_products(cuda):
            seen.append(torch.backends.cuda.matmul.fp32_precision)

    decoder = threading.Thread(target=decode)
    with tile_precision(cuda):
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
        decoder.start()
        decoder.join(0.1)  # what does not wait is done by then
        assert not seen
    decoder.join()
    assert seen == [before]
    assert torch.backends.cuda.matmul.fp32_precision == before


def test_the_setting_is_put_back_after_an_error() -> None:
    before = torch.backends.cuda.matmul.fp32_precision
    with pytest.raises(ZeroDivisionError), float32_products(torch.device("cuda"), "tf32"):
        _ = 1 / 0
    assert torch.backends.cuda.matmul.fp32_precision == before
    assert torch.backends.cuda.matmul.allow_tf32 is False  # the older name agrees again
