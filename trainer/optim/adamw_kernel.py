"""AdamW's update in one pass over memory, statistics and weights in halves or not: the kernel for CPUs.

`trainer/optim/adamw_triton.py` is the same for CUDA, to the bit: each operation is rounded by itself.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from schemas.kernels.compiled import unlocked
from trainer.data.order.draws import mixed
from trainer.optim.half_floats import load_float, store_nearest, store_stochastic

PIECE = 1 << 18
"""Elements that a thread takes at a time; no result depends on it."""

Floats = npt.NDArray[np.float32] | npt.NDArray[np.uint16]
"""float32, or bfloat16's bits."""


@dataclass(frozen=True)
class Part:
    """One parameter, or a worker's shard of it, as it lies in memory: four arrays of as many elements."""

    weights: Floats
    gradients: Floats
    first: Floats
    """Moment."""
    second: Floats
    key: np.uint64
    """Of this step's draws for this parameter."""
    offset: int
    """Number, in the whole parameter, of the first element."""
    scalars: npt.NDArray[np.float32]
    """See `update_part`."""


def update_parts(parts: Sequence[Part], num_threads: int) -> None:
    """Update all weights and moments in place; the same bits for any number of threads."""
    if num_threads == 1:
        for part in parts:
            _update_piece((part, 0, len(part.weights)))
    else:
        pieces = [
            (part, start, min(start + PIECE, len(part.weights)))
            for part in parts
            for start in range(0, len(part.weights), PIECE)
        ]
        list(_threads(num_threads).map(_update_piece, pieces))


@cache
def _threads(number: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(number, thread_name_prefix="adamw")


def _update_piece(piece: tuple[Part, int, int]) -> None:
    part, start, stop = piece
    update_part(
        part.weights[start:stop], part.gradients[start:stop], part.first[start:stop], part.second[start:stop],
        part.key, np.uint64(part.offset + start), *part.scalars,
    )  # fmt: skip


@unlocked
def update_part(
    weights, gradients, first, second, key, offset, unscale, kept, new_first, beta2, new_second, root, eps, step_size
):
    """AdamW with decoupled decay, as torch has it, in float32; a draw for each element.

    `unscale` multiplies gradients; `kept` of a weight is left by its decay, 1 - rate * decay; `new_first` and
    `new_second` are 1 - beta; `root` is 1 / sqrt(1 - beta2^t) and `step_size` rate / (1 - beta1^t).
    """
    for i in range(len(weights)):
        draw = mixed(key ^ (offset + np.uint64(i)))
        gradient = load_float(gradients, i) * unscale
        m = load_float(first, i)
        m = m + new_first * (gradient - m)
        v = beta2 * load_float(second, i) + new_second * (gradient * gradient)
        weight = load_float(weights, i) * kept - step_size * (m / (np.sqrt(v) * root + eps))
        store_nearest(first, i, m)
        store_stochastic(second, i, v, draw >> np.uint64(48))
        store_stochastic(weights, i, weight, draw >> np.uint64(32))
