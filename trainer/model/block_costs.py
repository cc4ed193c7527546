"""What each block keeps for the backward pass, and which to recompute so that a batch fits into memory.

Measured on the model itself, with tensors that have shapes and no contents: seconds, and no memory.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from trainer.data.packed_texts import PackedTexts
from trainer.model.blocks import blocks_of
from trainer.model.clip import CLIP
from trainer.model.without_content import without_content

TOKENS_A_TEXT = 20
"""Assumed of captions: the mean is 15.5 in LAION (CLIP's vocabulary), and a batch's mean is close to it."""
ROWS = 2
"""So many rows are measured, and twice as many: what does not grow with them is no row's."""


@dataclass(frozen=True)
class BlockCost:
    """Of one block and one sample."""

    name: str
    kept_bytes: int
    """Kept for the backward pass, the block's input included."""
    input_bytes: int
    """Kept if the block is recomputed."""
    flops: int
    """Of the forward pass: what recomputing costs."""


@dataclass(frozen=True)
class ModelCost:
    """Of one sample."""

    blocks: tuple[BlockCost, ...]
    other_bytes: int
    """Kept outside of the blocks."""

    def kept_bytes(self, recomputed: frozenset[str] = frozenset()) -> int:
        """Return what a sample keeps, and the largest recomputed block while it is there again."""
        again = max((block.kept_bytes for block in self.blocks if block.name in recomputed), default=0)
        kept = [block.input_bytes if block.name in recomputed else block.kept_bytes for block in self.blocks]
        return self.other_bytes + again + sum(kept)


def measure(model: CLIP, autocast: torch.dtype | None) -> ModelCost:
    """Return what a sample of `TOKENS_A_TEXT` tokens keeps, in `autocast`'s precision; weights are left as they are."""
    one, two = (_measure_rows(model, rows, autocast) for rows in (ROWS, 2 * ROWS))
    blocks = [
        BlockCost(name, *((later - earlier) // ROWS for earlier, later in zip(one[name], two[name], strict=True)))
        for name in blocks_of(model)
    ]
    return ModelCost(tuple(blocks), (two[""][0] - one[""][0]) // ROWS)


def choose_recomputed(cost: ModelCost, rows: int, budget_bytes: int) -> frozenset[str]:
    """Return the blocks to recompute so that `rows` samples keep at most `budget_bytes`, at little cost.

    Raises ValueError where all of them are not enough.
    """
    chosen = fewest_recomputed(cost, rows, budget_bytes)
    least = rows * cost.kept_bytes(chosen)
    if least > budget_bytes:
        raise ValueError(
            f"{rows:,} samples keep {least / 1e6:,.0f} MB for the backward pass with all blocks recomputed, "
            f"expected at most {budget_bytes / 1e6:,.0f} MB; smaller micro-batches or more workers need less"
        )
    return chosen


def fewest_recomputed(cost: ModelCost, rows: int, budget_bytes: int) -> frozenset[str]:
    """Return the blocks of `choose_recomputed`, all of them where they are not enough.

    Those first that give back most bytes for a FLOP.
    """
    chosen: set[str] = set()
    for block in sorted(cost.blocks, key=lambda block: (block.input_bytes - block.kept_bytes) / max(1, block.flops)):
        if rows * cost.kept_bytes(frozenset(chosen)) <= budget_bytes:
            break
        chosen.add(block.name)
    return frozenset(chosen)


def _measure_rows(model: CLIP, rows: int, autocast: torch.dtype | None) -> dict[str, tuple[int, int, int]]:
    """Return (kept bytes, bytes of the input, FLOPs) of each block, under "" what is kept outside."""
    device = model.logit_scale.device
    px = model.config.image.image_px
    length = min(TOKENS_A_TEXT, model.config.text.context_length)
    counter = _Counter(model)
    flops = FlopCounterMode(display=False)
    with without_content(model), counter.counting(), flops, torch.enable_grad():
        images = torch.empty(rows, 3, px, px, dtype=torch.uint8, device=device)
        texts = PackedTexts.from_rows([[0] * length] * rows).to(device)
        with torch.autocast(device.type, dtype=autocast, enabled=autocast is not None):
            model(images, texts, torch.arange(rows, device=device))
    by_module = flops.get_flop_counts()
    found = {
        name: (counter.kept[name], counter.inputs[name], sum(by_module.get(f"CLIP.{name}", {}).values()))
        for name in blocks_of(model)
    }
    return found | {"": (counter.kept[""], 0, 0)}


class _Counter:
    """Counts what is kept, each memory once, by the block in which it is first kept."""

    def __init__(self, model: CLIP) -> None:
        self._blocks = blocks_of(model)
        self._weights = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
        self.kept = dict.fromkeys([*self._blocks, ""], 0)
        self.inputs = dict.fromkeys(self._blocks, 0)
        self._now = ""
        self._seen: dict[int, Any] = {}

    @contextmanager
    def counting(self) -> Iterator[None]:
        hooks = []
        for name, block in self._blocks.items():
            hooks.append(block.register_forward_pre_hook(partial(self._begin, name)))
            hooks.append(block.register_forward_hook(self._end))
        try:
            with torch.autograd.graph.saved_tensors_hooks(self._keep, lambda tensor: tensor):
                yield
        finally:
            for hook in hooks:
                hook.remove()

    def _begin(self, name: str, _: nn.Module, inputs: Sequence[Any]) -> None:
        self._now = name
        self.inputs[name] = inputs[0].numel() * inputs[0].element_size()

    def _end(self, *_: Any) -> None:
        self._now = ""

    def _keep(self, tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if not isinstance(tensor, nn.Parameter) and storage._cdata not in self._seen:
            self._seen[storage._cdata] = storage  # held, so that no other memory gets its number
            self.kept[self._now] += storage.nbytes()
        return tensor
