"""How samples' positions lie in a tensor: what attention mixes, and which position is a sample's own.

Shapes: N samples, L positions, T positions of all samples, C channels, H heads, D channels of a head.

    Images  [N, L, C]  all positions see one another, the first is the image's (class token)
    Padded  [N, L, C]  each sees those before it, [EOS] is the text's
    Packed  [T, C]     the same without padding
"""

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F

from trainer.data.packed_texts import PackedTexts
from trainer.model.packed_attention import attend_by_length, attend_flash


class Layout(Protocol):
    """What blocks need to know of the rows that they are given: any shape whose last axis is channels."""

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int, *, pooled: bool
    ) -> torch.Tensor:
        """Return the values mixed by attention, in the query's shape.

        `pooled`: the query has one row a sample, ``[N, C]``, for its own position (see `pool`).
        """

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``[N, C]``: of each sample its own position."""


def _heads(x_NLC: torch.Tensor, heads: int) -> torch.Tensor:
    return x_NLC.unflatten(-1, (heads, -1)).transpose(1, 2)


@dataclass(frozen=True)
class Images:
    """Class token and patches of images."""

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int, *, pooled: bool
    ) -> torch.Tensor:
        query_NLC = query[:, None] if pooled else query
        mixed_NHLD = F.scaled_dot_product_attention(_heads(query_NLC, heads), _heads(key, heads), _heads(value, heads))
        return mixed_NHLD.transpose(1, 2).reshape(query.shape)

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0]


@dataclass(frozen=True, eq=False)
class Padded:
    """Texts padded to one length."""

    eos_N: torch.Tensor
    """Position of [EOS] in each row."""

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int, *, pooled: bool
    ) -> torch.Tensor:
        mask_N11L = None
        if pooled:
            positions_L = torch.arange(key.shape[1], device=key.device)
            mask_N11L = (positions_L <= self.eos_N[:, None])[:, None, None]
        query_NLC = query[:, None] if pooled else query
        mixed_NHLD = F.scaled_dot_product_attention(
            _heads(query_NLC, heads), _heads(key, heads), _heads(value, heads),
            attn_mask=mask_N11L, is_causal=not pooled,
        )  # fmt: skip
        return mixed_NHLD.transpose(1, 2).reshape(query.shape)

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        # not len, as in `VisionTransformer`
        return x[torch.arange(x.shape[0], device=x.device), self.eos_N]


@dataclass(frozen=True, eq=False)
class Packed:
    """Texts one after another."""

    starts_N1: torch.Tensor
    """int32, where each text begins, and the end of the last."""
    eos_N: torch.Tensor
    """int64, the last place of each text."""
    lengths_N: torch.Tensor
    """int64, on the host."""
    max_length: int
    """No text is longer; the same for all batches, so that compiled code knows it."""
    flash: bool
    """Whether attention is by torch's kernel for variable lengths."""

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int, *, pooled: bool
    ) -> torch.Tensor:
        query, key, value = (x.unflatten(-1, (heads, -1)) for x in (query, key, value))
        if self.flash:
            mixed = attend_flash(query, key, value, self.starts_N1, self.max_length, causal=not pooled)
        else:
            mixed, _ = attend_by_length(query, key, value, self.lengths_N, not pooled)
        return mixed.flatten(-2)

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        return x.index_select(0, self.eos_N)


def packed(texts: PackedTexts, max_length: int, *, flash: bool) -> Packed:
    """Return how the positions of `texts` lie; with `flash` their order is no matter.

    Without it fewer calls are made where texts of equal length stand together (`PackedTexts.by_length`).
    """
    return Packed(
        starts_N1=texts.starts_N1,
        eos_N=texts.eos_N.long(),
        lengths_N=torch.from_numpy(texts.lengths),
        max_length=max_length,
        flash=flash,
    )
