"""The kernel for CPUs: the same bits whole, in shards and by threads; statistics that follow a falling gradient."""

from itertools import pairwise

import numpy as np
import pytest

from trainer.data.order.draws import key_of
from trainer.optim.adamw_kernel import Floats, Part, update_part, update_parts

SIZE = 3 * (1 << 18) + 77
"""More than three pieces."""


def scalars(step: int, beta2: float = 0.98) -> list[np.float32]:
    """unscale, kept, new_first, beta2, new_second, root, eps, step_size of a rate of 0.001."""
    first, root = 1 / (1 - 0.9**step), 1 / (1 - beta2**step) ** 0.5
    return [np.float32(v) for v in (1, 0.9999, 0.1, beta2, 1 - beta2, root, 1e-6, 1e-3 * first)]


def start(size: int) -> list[Floats]:
    """float32 weights, gradients; half moments."""
    draw = np.random.default_rng(1)
    weights, gradients = (draw.standard_normal(size, dtype=np.float32) for _ in range(2))
    return [weights, gradients, np.zeros(size, dtype=np.uint16), np.zeros(size, dtype=np.uint16)]


def three_steps(bounds: list[int], num_threads: int = 1) -> list[Floats]:
    arrays = start(bounds[-1])
    for step in (1, 2, 3):
        parts = [
            Part(
                *(array[low:high] for array in arrays), key=key_of(7, step, 5), offset=low,
                scalars=np.array(scalars(step)),
            )
            for low, high in pairwise(bounds)
        ]  # fmt: skip
        update_parts(parts, num_threads)
    return arrays


@pytest.mark.parametrize("shards", [3, 8])
def test_shards_have_the_bits_of_the_whole(shards: int) -> None:
    whole = three_steps([0, SIZE])
    parts = three_steps([SIZE * number // shards for number in range(shards + 1)])
    for array, other in zip(whole, parts, strict=True):
        assert np.array_equal(array, other)


def test_threads_have_the_bits_of_one() -> None:
    for array, other in zip(three_steps([0, SIZE]), three_steps([0, SIZE], num_threads=3), strict=True):
        assert np.array_equal(array, other)


def test_draws_follow_the_key() -> None:
    arrays, others = start(1000), start(1000)
    update_part(*arrays, key_of(0, 1, 5), np.uint64(0), *scalars(1))
    update_part(*others, key_of(0, 2, 5), np.uint64(0), *scalars(1))
    assert np.array_equal(arrays[2], others[2])  # to nearest: no draw
    assert not np.array_equal(arrays[3], others[3])


def test_the_second_moment_follows_a_gradient_that_falls() -> None:
    """20,000 steps at beta2 0.999, from the middle on with a tenth of the gradient; to nearest it would not fall."""
    size = 512
    noise = np.random.default_rng(3).standard_normal((64, size), dtype=np.float32)
    half, full = (np.zeros(size, dtype=dtype) for dtype in (np.uint16, np.float32))
    values = scalars(10**6, beta2=0.999)
    for step in range(20_000):
        gradients = noise[step % 64] * np.float32(1.0 if step < 10_000 else 0.1)
        for second in (half, full):
            weights, first = np.zeros(size, dtype=np.float32), np.zeros(size, dtype=np.float32)
            update_part(weights, gradients, first, second, key_of(1, step, 0), np.uint64(0), *values)
    rounded = (half.astype(np.uint32) << 16).view(np.float32)
    assert full.mean() == pytest.approx(0.01, rel=0.1)
    assert rounded.mean() == pytest.approx(full.mean(), rel=0.02)
