"""Rows of all workers on each of them, and sums over the workers back to the one that holds the row.

Shapes: b rows of this worker, B rows of all workers, p most rows of a worker, W workers, E embedding.
"""

from dataclasses import dataclass

import torch
import torch.distributed as dist

from trainer.workers.distributed import World, rows_of_all


@dataclass(frozen=True)
class RowShares:
    """Which rows of the global batch each worker holds: `bounds[rank]` is [start, stop)."""

    bounds: tuple[tuple[int, int], ...]
    rank: int

    @property
    def local(self) -> slice:
        return slice(*self.bounds[self.rank])

    @property
    def total(self) -> int:
        """Rows of the global batch."""
        return self.bounds[-1][1]

    @property
    def most(self) -> int:
        return max(stop - start for start, stop in self.bounds)

    @property
    def is_even(self) -> bool:
        return all(stop - start == self.most for start, stop in self.bounds)


def share_rows(world: World, global_batch_size: int) -> RowShares:
    """Return the rows of each worker, as the loader deals them out."""
    return RowShares(rows_of_all(global_batch_size, world), world.rank)


def check_rows(num_images: int, num_texts: int, shares: RowShares) -> None:
    """Raise ValueError where this worker's features are not the rows that are its own: the others would wait."""
    wanted = shares.local.stop - shares.local.start
    if (num_images, num_texts) != (wanted, wanted):
        raise ValueError(
            f"worker {shares.rank} of {len(shares.bounds)} must give features of {wanted} images and texts, found "
            f"{num_images} and {num_texts}"
        )


def gather_rows(rows_bE: torch.Tensor, shares: RowShares) -> torch.Tensor:
    """Return the rows of all workers ``[B, E]`` in the order of the global batch; without gradient."""
    if len(shares.bounds) == 1:
        return rows_bE
    most, width = shares.most, rows_bE.shape[1]
    padded_pE = rows_bE.contiguous()
    if len(rows_bE) < most:
        padded_pE = torch.cat([rows_bE, rows_bE.new_zeros(most - len(rows_bE), width)])
    gathered_WpE = rows_bE.new_empty(len(shares.bounds) * most, width)
    dist.all_gather_single(gathered_WpE, padded_pE)
    if shares.is_even:
        return gathered_WpE
    parts = zip(gathered_WpE.split(most), shares.bounds, strict=True)
    return torch.cat([part[: stop - start] for part, (start, stop) in parts])


def scatter_sums(rows_BE: torch.Tensor, shares: RowShares) -> torch.Tensor:
    """Return this worker's rows ``[b, E]`` of the sum over the workers."""
    if len(shares.bounds) == 1:
        return rows_BE
    most, width = shares.most, rows_BE.shape[1]
    padded_WpE = rows_BE
    if not shares.is_even:
        padded_WpE = rows_BE.new_zeros(len(shares.bounds) * most, width)
        for part, (start, stop) in zip(padded_WpE.split(most), shares.bounds, strict=True):
            part[: stop - start] = rows_BE[start:stop]
    sums_pE = rows_BE.new_empty(most, width)
    dist.reduce_scatter_single(sums_pE, padded_WpE)
    return sums_pE[: shares.local.stop - shares.local.start]
