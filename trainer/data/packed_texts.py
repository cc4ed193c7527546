"""Captions of a batch without padding: their tokens one after another, and where each begins.

Shapes: N captions, T tokens of all of them, L positions.

    tokens_T   [SOS] a  cat [EOS] [SOS] two dogs [EOS] ...
    starts_N1    0                  4                  8 ...   T
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import torch


@dataclass(frozen=True, eq=False)
class PackedTexts:
    """N captions; each has at least one token, the last of which is [EOS]."""

    tokens_T: torch.Tensor
    """int32."""
    starts_N1: torch.Tensor
    """int32, on the device of the tokens: caption n is tokens ``starts[n] .. starts[n + 1] - 1``."""
    lengths: npt.NDArray[np.int64]
    """Tokens of each caption, on the host whatever the device: kernels are chosen by them without waiting for it."""

    @classmethod
    def from_flat(cls, tokens: npt.NDArray[np.int32], lengths: npt.NDArray[np.integer]) -> "PackedTexts":
        """Return the captions whose tokens stand in `tokens`, without a copy of them.

        Raises ValueError where the lengths are not those of all the tokens.
        """
        starts = np.zeros(len(lengths) + 1, dtype=np.int64)
        np.cumsum(lengths, out=starts[1:])
        if starts[-1] != len(tokens) or len(tokens) > np.iinfo(np.int32).max:
            raise ValueError(
                f"expected lengths that sum to the {len(tokens)} tokens (at most 2**31 - 1), found {starts[-1]}"
            )
        return cls(
            torch.from_numpy(tokens), torch.from_numpy(starts.astype(np.int32)), np.asarray(lengths, dtype=np.int64)
        )

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[int]]) -> "PackedTexts":
        """Return the captions whose tokens are given as lists."""
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        tokens = np.fromiter(chain.from_iterable(rows), dtype=np.int32, count=int(lengths.sum()))
        return cls.from_flat(tokens, lengths)

    @property
    def num(self) -> int:
        return len(self.lengths)

    def __len__(self) -> int:
        return self.num

    @property
    def eos_N(self) -> torch.Tensor:
        """Place of each caption's last token among all tokens."""
        return self.starts_N1[1:] - 1

    def rows(self, start: int, stop: int) -> "PackedTexts":
        """Return captions `start` .. `stop` - 1, which share the tokens' memory."""
        begin = int(self.lengths[:start].sum())
        lengths = self.lengths[start:stop]
        end = begin + int(lengths.sum())
        return PackedTexts(self.tokens_T[begin:end], self.starts_N1[start : start + len(lengths) + 1] - begin, lengths)

    @property
    def positions_T(self) -> torch.Tensor:
        """Position of each token in its caption, int64."""
        device = self.tokens_T.device
        starts_T = self.starts_N1[:-1].repeat_interleave(
            self.starts_N1.diff(),
            output_size=len(self.tokens_T),  # told, so that no one waits for the device
        )
        return torch.arange(len(self.tokens_T), device=device) - starts_T

    def by_length(self) -> tuple["PackedTexts", torch.Tensor]:
        """Return the captions sorted by length, and where each of these captions is among them, ``[N]``."""
        order = np.argsort(self.lengths, kind="stable")
        lengths = self.lengths[order]
        ends, starts = np.cumsum(lengths), np.cumsum(self.lengths) - self.lengths
        tokens = np.repeat(starts[order] - (ends - lengths), lengths) + np.arange(len(self.tokens_T))
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        device = self.tokens_T.device
        found = PackedTexts(
            self.tokens_T[torch.from_numpy(tokens).to(device, non_blocking=True)],
            torch.from_numpy(np.append(0, ends).astype(np.int32)).to(device, non_blocking=True),
            lengths,
        )
        return found, torch.from_numpy(places).to(device, non_blocking=True)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "PackedTexts":
        """Return the captions on `device`; lengths stay on the host."""
        return PackedTexts(
            self.tokens_T.to(device, non_blocking=non_blocking),
            self.starts_N1.to(device, non_blocking=non_blocking),
            self.lengths,
        )

    def pin_memory(self) -> "PackedTexts":
        """Return the captions in memory that CUDA copies from without waiting."""
        return PackedTexts(self.tokens_T.pin_memory(), self.starts_N1.pin_memory(), self.lengths)

    def padded(self, length: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (tokens ``[N, L]``, position of [EOS] ``[N]``), int64, with zeros after [EOS].

        L is `length`, or that of the longest caption. Raises ValueError where a caption is longer.
        """
        longest = int(self.lengths.max(initial=0))
        length = longest if length is None else length
        if longest > length:
            raise ValueError(f"captions of up to {longest} tokens do not fit {length} positions")
        device = self.tokens_T.device
        lengths_N = torch.from_numpy(self.lengths).to(device)
        is_token_NL = torch.arange(length, device=device) < lengths_N[:, None]
        tokens_NL = torch.zeros(self.num, length, dtype=torch.int64, device=device)
        tokens_NL[is_token_NL] = self.tokens_T.long()
        return tokens_NL, lengths_N - 1

    def to_lists(self) -> list[list[int]]:
        """Return each caption's tokens."""
        return [tokens.tolist() for tokens in self.tokens_T.split(self.lengths.tolist())]
