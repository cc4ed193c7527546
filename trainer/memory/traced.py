"""Bytes that forward and backward hold at most, found with tensors that have shapes but no content.

Every operation of the real model is gone through, whatever it is made of: nothing is computed and no memory taken, so
a model of any size is traced on any machine.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from trainer.data.packed_texts import PackedTexts
from trainer.model.without_content import without_content

ROWS = (512, 1_024)
"""Rows of the two passes whose difference tells what a row takes: so many that their activations are the peak."""


@dataclass(frozen=True)
class TracedBytes:
    """Of one forward and backward pass."""

    fixed: float
    """Whatever the rows, at the peak: weights cast to half precision."""
    per_row: float

    def at(self, rows: int) -> int:
        """Return the most bytes held at once beside weights and batch."""
        return round(self.fixed + rows * self.per_row)


def trace_bytes(model: nn.Module, image_px: int, tokens_per_text: float, autocast: torch.dtype | None) -> TracedBytes:
    """Return what training the model takes; texts have `tokens_per_text` on average, cut to whole tokens in all.

    `model` is in training mode, made in `without_content()`.
    """
    with without_content(model):
        few, many = (peak_bytes(model, *made_rows(rows, image_px, tokens_per_text), autocast) for rows in ROWS)
    per_row = (many - few) / (ROWS[1] - ROWS[0])
    return TracedBytes(fixed=few - ROWS[0] * per_row, per_row=per_row)


def made_rows(rows: int, image_px: int, tokens_per_text: float) -> tuple[torch.Tensor, PackedTexts]:
    """Return black images, and texts of `tokens_per_text` on average."""
    ends = [int(row * tokens_per_text) for row in range(rows + 1)]
    lengths = [max(1, end - start) for start, end in pairwise(ends)]
    texts = PackedTexts.from_rows([[0] * length for length in lengths])
    return torch.zeros(rows, 3, image_px, image_px, dtype=torch.uint8), texts


def peak_bytes(model: nn.Module, images_N3PP: torch.Tensor, texts: PackedTexts, autocast: torch.dtype | None) -> int:
    """Return the most bytes that one forward and backward pass holds beside parameters, buffers and inputs.

    The gradients that it leaves are counted, then dropped.
    """
    outside = [*model.parameters(), *model.buffers(), images_N3PP, texts.tokens_T, texts.starts_N1]
    with _LiveBytes(outside) as live:
        with torch.autocast("cpu", dtype=autocast, enabled=autocast is not None):
            features = model(images_N3PP, texts, torch.arange(len(images_N3PP)))[:2]
        outputs = [one for one in features if one.requires_grad]  # a locked encoder has no graph
        torch.autograd.backward(outputs, [torch.ones_like(one) for one in outputs])
    model.zero_grad(set_to_none=True)
    return live.peak


class _LiveBytes(TorchDispatchMode):
    """Follows the storages that operations make, and how many of their bytes are in use at once."""

    def __init__(self, outside: list[torch.Tensor]) -> None:
        super().__init__()
        self._outside = {StorageWeakRef(tensor.untyped_storage()).cdata for tensor in outside}
        self._made: dict[int, tuple[StorageWeakRef, int]] = {}
        self._made_bytes = 0
        self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self._take(tensor.untyped_storage())
        if self._made_bytes > self.peak:
            self._forget_freed()
            self.peak = max(self.peak, self._made_bytes)
        return result

    def _take(self, storage: torch.UntypedStorage) -> None:
        reference = StorageWeakRef(storage)
        if reference.cdata not in self._made and reference.cdata not in self._outside:
            self._made[reference.cdata] = (reference, storage.nbytes())
            self._made_bytes += storage.nbytes()

    def _forget_freed(self) -> None:
        freed = [key for key, (reference, _) in self._made.items() if reference.expired()]
        for key in freed:
            self._made_bytes -= self._made.pop(key)[1]
