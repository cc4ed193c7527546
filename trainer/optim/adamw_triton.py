"""AdamW's update in one pass over memory, statistics and weights in halves or not: the kernel for CUDA, in Triton.

The same arithmetic and draws as `trainer/optim/adamw_kernel.py`, to the bit: each operation is rounded by itself
(`enable_fp_fusion` off), roots and quotients are IEEE's. It is bound by memory: 20 bytes a parameter with half
statistics, 28 with float32's. One launch takes all parameters of a group, whose addresses stand in a table.

Imports Triton, which CUDA builds of torch bring; with ``TRITON_INTERPRET=1`` the kernels run on a CPU.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import triton.language as tl
from triton import jit

BLOCK = 1024
"""Elements of a program."""
NUM_WARPS = 4

_INCREMENT = tl.constexpr(0x9E3779B97F4A7C15)
_FIRST = tl.constexpr(0xBF58476D1CE4E5B9)
_SECOND = tl.constexpr(0x94D049BB133111EB)


@dataclass(frozen=True)
class Table:
    """The parameters of one launch; N of them, C blocks. On the device; 64 bits without sign as those of int64."""

    seed_1: torch.Tensor
    pointers_N4: torch.Tensor
    """Addresses of weights, gradients, first and second moments, int64."""
    lengths_N: torch.Tensor
    offsets_N: torch.Tensor
    """Numbers, in the whole parameters, of the first elements."""
    numbers_N: torch.Tensor
    """Of the parameters, for their draws."""
    owners_C: torch.Tensor
    """Which parameter a block belongs to, int32."""
    starts_C: torch.Tensor
    """The block's first element."""
    weights_are_half: bool
    moments_are_half: bool
    is_aligned: bool
    """Whether all addresses are multiples of 16, so that 16 bytes are read at once."""


def make_table(
    tensors: Sequence[Sequence[torch.Tensor]], offsets: Sequence[int], numbers: Sequence[int], seed: int
) -> Table:
    """Return the table of parameters: each (weights, gradients, first, second), flat, of one type of weights."""
    weights, gradients, first, _ = tensors[0]
    assert gradients.dtype == weights.dtype
    addresses = [[tensor.data_ptr() for tensor in four] for four in tensors]
    lengths = np.array([four[0].numel() for four in tensors], dtype=np.int64)
    blocks = -(-lengths // BLOCK)
    owners = np.repeat(np.arange(len(lengths), dtype=np.int32), blocks)
    starts = (np.arange(len(owners)) - (np.cumsum(blocks) - blocks)[owners]) * BLOCK

    def on_device(values: npt.NDArray[Any]) -> torch.Tensor:
        made = torch.from_numpy(values)
        return made if weights.device.type == "cpu" else made.pin_memory().to(weights.device, non_blocking=True)

    return Table(
        seed_1=on_device(np.array([seed], dtype=np.uint64).view(np.int64)),
        pointers_N4=on_device(np.array(addresses, dtype=np.int64)),
        lengths_N=on_device(lengths),
        offsets_N=on_device(np.array(offsets, dtype=np.int64)),
        numbers_N=on_device(np.array(numbers, dtype=np.uint64).view(np.int64)),
        owners_C=on_device(owners),
        starts_C=on_device(starts),
        weights_are_half=weights.dtype == torch.bfloat16,
        moments_are_half=first.dtype == torch.bfloat16,
        is_aligned=all(address % 16 == 0 for row in addresses for address in row),
    )


def launch(
    table: Table,
    steps_N: torch.Tensor,
    first_N: torch.Tensor,
    root_N: torch.Tensor,
    unscale: torch.Tensor,
    found_inf: torch.Tensor,
    scalars: Sequence[float],
) -> None:
    """Update all parameters of `table` in place, none where `found_inf` is not 0.

    `first_N` and `root_N` correct the bias of the moments after `steps_N`; `scalars` are rate, kept, new_first, beta2,
    new_second, eps (see `adamw_kernel.update_part`).
    """
    grid = (len(table.owners_C),)
    _update[grid](
        table.seed_1, table.pointers_N4, table.lengths_N, table.offsets_N, table.numbers_N, table.owners_C,
        table.starts_C, steps_N, first_N, root_N, unscale, found_inf, *scalars,
        HALF_WEIGHTS=table.weights_are_half, HALF_MOMENTS=table.moments_are_half,
        ALIGNED=table.is_aligned, BLOCK=BLOCK, num_warps=NUM_WARPS, enable_fp_fusion=False,
    )  # fmt: skip


@jit
def _update(
    seed_1, pointers_N4, lengths_N, offsets_N, numbers_N, owners_C, starts_C, steps_N, first_N, root_N, unscale,
    found_inf, rate, kept, new_first, beta2, new_second, eps,
    HALF_WEIGHTS: tl.constexpr, HALF_MOMENTS: tl.constexpr, ALIGNED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0)
    if tl.load(found_inf) == 0:
        owner = tl.load(owners_C + program)
        start = tl.multiple_of(tl.load(starts_C + program), BLOCK)
        length = tl.load(lengths_N + owner)
        key = _mix(tl.load(seed_1).to(tl.uint64)) ^ tl.load(steps_N + owner).to(tl.uint64)
        key = _mix(_mix(key) ^ tl.load(numbers_N + owner).to(tl.uint64))
        offset = tl.load(offsets_N + owner)
        places = pointers_N4 + 4 * owner
        factor, root, step_size = tl.load(unscale), tl.load(root_N + owner), rate * tl.load(first_N + owner)
        if start + BLOCK <= length:  # without a mask, which would keep loads and stores to an item each
            _update_block(
                places, start, length, key, offset, factor, kept, new_first, beta2, new_second, root, eps, step_size,
                HALF_WEIGHTS, HALF_MOMENTS, ALIGNED, False, BLOCK,
            )  # fmt: skip
        else:
            _update_block(
                places, start, length, key, offset, factor, kept, new_first, beta2, new_second, root, eps, step_size,
                HALF_WEIGHTS, HALF_MOMENTS, ALIGNED, True, BLOCK,
            )  # fmt: skip


@jit
def _update_block(
    places, start, length, key, offset, factor, kept, new_first, beta2, new_second, root, eps, step_size,
    HALF_WEIGHTS: tl.constexpr, HALF_MOMENTS: tl.constexpr, ALIGNED: tl.constexpr, MASKED: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """`adamw_kernel.update_part` for the elements from `start` on; in halves a uint16 array, else a uint32 one."""
    at = start + tl.arange(0, BLOCK)
    inside = at < length
    draw = _mix(key ^ (offset + at).to(tl.uint64))
    weights, gradients = _items(places, at, HALF_WEIGHTS, ALIGNED), _items(places + 1, at, HALF_WEIGHTS, ALIGNED)
    first, second = _items(places + 2, at, HALF_MOMENTS, ALIGNED), _items(places + 3, at, HALF_MOMENTS, ALIGNED)
    gradient = _load(gradients, inside, HALF_WEIGHTS, MASKED) * factor
    m = _load(first, inside, HALF_MOMENTS, MASKED)
    m = m + new_first * (gradient - m)
    v = beta2 * _load(second, inside, HALF_MOMENTS, MASKED) + new_second * (gradient * gradient)
    weight = _load(weights, inside, HALF_WEIGHTS, MASKED) * kept
    weight = weight - step_size * tl.div_rn(m, tl.sqrt_rn(v) * root + eps)
    m_bits = m.to(tl.uint32, bitcast=True)
    _store(first, inside, m_bits, 0x7FFF + ((m_bits >> 16) & 1), HALF_MOMENTS, MASKED)
    _store(second, inside, v.to(tl.uint32, bitcast=True), (draw >> 48).to(tl.uint32), HALF_MOMENTS, MASKED)
    added = (draw >> 32).to(tl.uint32) & 0xFFFF
    _store(weights, inside, weight.to(tl.uint32, bitcast=True), added, HALF_WEIGHTS, MASKED)


@jit
def _mix(value):
    """`draws.mix` of uint64."""
    value = value + _INCREMENT
    value = (value ^ (value >> 30)) * _FIRST
    value = (value ^ (value >> 27)) * _SECOND
    return value ^ (value >> 31)


@jit
def _items(place, at, HALF: tl.constexpr, ALIGNED: tl.constexpr):
    """Pointers to the items `at` of the array whose address stands at `place`."""
    address = tl.load(place)
    if HALF:
        items = address.to(tl.pointer_type(tl.uint16)) + at
    else:
        items = address.to(tl.pointer_type(tl.uint32)) + at
    if ALIGNED:  # else an item each
        items = tl.max_contiguous(tl.multiple_of(items, 16), 16)
    return items


@jit
def _load(items, inside, HALF: tl.constexpr, MASKED: tl.constexpr):
    """Items as float32; bfloat16's bits are the upper half."""
    if MASKED:
        bits = tl.load(items, mask=inside, other=0).to(tl.uint32)
    else:
        bits = tl.load(items).to(tl.uint32)
    if HALF:
        bits = bits << 16
    return bits.to(tl.float32, bitcast=True)


@jit
def _store(items, inside, bits, added, HALF: tl.constexpr, MASKED: tl.constexpr):
    """Store float32's bits, or the upper half of ``bits + added`` (see `half_floats`); CUDA's NaN stays one."""
    if HALF:
        odd = (bits & 0x7F800000) == 0x7F800000
        quiet = tl.where((bits & 0x7FFFFF) != 0, 0x40, 0)
        bits = tl.where(odd, (bits >> 16) | quiet, (bits + added) >> 16).to(tl.uint16)
    if MASKED:
        tl.store(items, bits, mask=inside)
    else:
        tl.store(items, bits)
