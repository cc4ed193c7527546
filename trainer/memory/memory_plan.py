"""What of a worker's device memory a step takes, and how many rows at a time fit into it."""

from dataclasses import dataclass

from trainer.memory.steady import FLOAT_BYTES, GatheredBytes, SteadyBytes
from trainer.memory.traced import TracedBytes
from trainer.model.block_costs import ModelCost, fewest_recomputed

GIB = 2**30
RESERVED_SHARE, RESERVED_BYTES = 0.06, GIB
"""Of the device's memory: what an allocator leaves in pieces; libraries' own buffers, of the exchange too."""
TILE_ROWS = 512


@dataclass(frozen=True, kw_only=True)
class Recomputing:
    """`--activation-checkpointing auto`: as few blocks as fit."""

    cost: ModelCost
    budget: int
    """Bytes for what a batch keeps for the backward pass."""

    def blocks(self, rows: int) -> frozenset[str]:
        """Return the blocks that are recomputed for so many rows: all of them where even that is not enough."""
        return fewest_recomputed(self.cost, rows, self.budget)

    def kept(self, rows: int) -> int:
        """Return what they keep then."""
        return rows * self.cost.kept_bytes(self.blocks(rows))


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """Bytes of a worker by what they are for."""

    steady: SteadyBytes
    traced: TracedBytes
    gathered: GatheredBytes | None = None
    """Of workers that hold shards."""
    recomputing: Recomputing | None = None
    batch: int
    """Images and tokens of the worker's rows; and of the next batch's, which are copied meanwhile."""
    loss: int
    rows: int
    """Of the worker, in a global batch."""

    def needed(self, micro_batch: int) -> int:
        """Return the bytes of a step that has so many rows in the model at once."""
        return self.beside_activations(micro_batch) + self.activations(min(micro_batch, self.rows))

    def beside_activations(self, micro_batch: int) -> int:
        """Return what of `needed` does not lie with the rows that are in the model at once."""
        if self.gathered is None:
            cast = round(max(0.0, self.traced.fixed))
        else:  # gathered weights are cast already
            cast = self.gathered.whole if micro_batch < self.rows else self.gathered.at_once
        return self.steady.total + self.batch + self.loss + cast

    def activations(self, rows: int) -> int:
        """Return what so many rows hold at the peak of the backward pass."""
        return round(rows * self.traced.per_row) if self.recomputing is None else self.recomputing.kept(rows)

    def largest_micro_batch(self, device_bytes: int) -> int:
        """Return the worker's rows where all fit, else the largest power of two that does.

        Raises ValueError where not even one row fits.
        """
        available = usable_bytes(device_bytes)
        if self.needed(self.rows) <= available:
            return self.rows
        size = 1 << max(0, self.rows - 1).bit_length()
        while size and (size >= self.rows or self.needed(size) > available):
            size //= 2
        if not size:
            raise ValueError(
                f"the model needs {self.needed(1) / 1e9:.2f} GB of a device for one row of {self.rows:,}, found "
                f"{device_bytes / 1e9:.2f} GB, {max(0, available) / 1e9:.2f} of them usable: {RESERVED_SHARE:.0%} and "
                f"{RESERVED_BYTES / 1e9:.2f} GB are left; take more workers, a smaller global batch or model"
            )
        return size

    def told(self, micro_batch: int, device_bytes: int) -> str:
        """Return the plan in a line."""
        passes = -(-self.rows // micro_batch)
        how = "at once" if passes == 1 else f"{micro_batch:,} at a time, {passes} times (GradCache)"
        return (
            f"{self.rows:,} pairs a worker {how}: {self.needed(micro_batch) / 1e9:.1f} of {device_bytes / 1e9:.1f} GB "
            f"(weights, gradients, optimizer {self.steady.total / 1e9:.1f}, "
            f"{self.traced.per_row / 1e6:.1f} MB a pair, loss {self.loss / 1e9:.1f}, batch {self.batch / 1e9:.1f})"
        )


def usable_bytes(device_bytes: int) -> int:
    """Return what of a device's memory a plan may fill."""
    return round(device_bytes * (1 - RESERVED_SHARE)) - RESERVED_BYTES


def loss_bytes(rows: int, global_batch_size: int, embed_dim: int, *, has_graph_apart: bool) -> int:
    """Return what the loss takes at most on a GPU: texts of all workers with their gradient, two tiles, own rows.

    Own rows are both features and the images' gradient; with micro-batches (`has_graph_apart`) also the gradients of
    both that the second pass begins with.
    """
    own = (5 if has_graph_apart else 3) * rows * embed_dim
    return FLOAT_BYTES * (own + 2 * global_batch_size * embed_dim + 2 * TILE_ROWS * global_batch_size)


def batch_bytes(rows: int, image_px: int, tokens_per_text: float) -> int:
    """Return what two batches take: uint8 images, int32 tokens and starts."""
    return round(2 * rows * (3 * image_px**2 + FLOAT_BYTES * (tokens_per_text + 1)))
