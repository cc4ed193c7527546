"""What a worker has of a parameter, and where its shard lies in the whole, for what is drawn by the element."""

import torch
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset


def local(tensor: torch.Tensor) -> torch.Tensor:
    """Return what this worker has of a tensor, in the same memory: its shard, or all of it; without gradient."""
    return (tensor.to_local() if isinstance(tensor, DTensor) else tensor).detach()


def first_element(parameter: torch.Tensor) -> int:
    """Return the number, in the whole parameter's memory, of the first element that this worker has.

    Shards are of rows (``Shard(0)``), as FSDP2 makes them; 0 for a parameter that is whole. Raises ValueError for a
    shard whose elements do not lie together in the whole.
    """
    row = first_row(parameter)
    if row and not local(parameter).is_contiguous():
        raise ValueError(f"shards must be contiguous, found strides {local(parameter).stride()}")
    return row * (parameter.numel() // max(1, parameter.shape[0]) if parameter.ndim else 0)


def first_row(parameter: torch.Tensor) -> int:
    """Return the number of the first row that this worker has. Raises ValueError for shards that are not of rows."""
    if not isinstance(parameter, DTensor):
        return 0
    placements = parameter.placements
    if not all(isinstance(p, Replicate) or (type(p) is Shard and p.dim == 0) for p in placements):
        raise ValueError(f"parameters must be replicated or sharded by rows, found {placements}")
    _, offset = compute_local_shape_and_global_offset(parameter.shape, parameter.device_mesh, placements)
    return int(offset[0]) if parameter.ndim else 0
