"""What a worker writes of the tensors of a training: of shards its rows, on the first worker all of what is whole."""

from dataclasses import dataclass

import torch
from torch.distributed.tensor import DTensor

from trainer.optim.shards import first_row, local
from trainer.saving.host_copies import TensorFiles


@dataclass(frozen=True)
class Held:
    """Rows of a tensor."""

    rows: torch.Tensor
    """In the training's own memory; of a scalar the scalar."""
    first_row: int
    shape: tuple[int, ...]
    """Of the whole tensor."""


def held_rows(files: TensorFiles, *, is_first: bool) -> dict[str, dict[str, Held]]:
    """Return what this worker writes of `files`, those of `state_tensors`: each row of a tensor is one worker's."""
    return {
        file: {
            name: Held(local(tensor), first_row(tensor), tuple(tensor.shape))
            for name, tensor in tensors.items()
            if (is_first if not isinstance(tensor, DTensor) else local(tensor).numel())
        }
        for file, tensors in files.items()
    }
