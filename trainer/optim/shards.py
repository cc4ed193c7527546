"""Where a worker's shard lies in its whole parameter, for what is drawn by the element."""

import torch
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset


def first_element(parameter: torch.Tensor) -> int:
    """Return the number, in the whole parameter's memory, of the first element that this worker has.

    Shards are of rows (``Shard(0)``), as FSDP2 makes them; 0 for a parameter that is whole. Raises ValueError for a
    shard whose elements do not lie together in the whole.
    """
    if not isinstance(parameter, DTensor):
        return 0
    placements = parameter.placements
    if not all(isinstance(p, Replicate) or (type(p) is Shard and p.dim == 0) for p in placements):
        raise ValueError(f"parameters must be replicated or sharded by rows, found {placements}")
    if not parameter.to_local().is_contiguous():
        raise ValueError("shards must be contiguous, found strides " + str(parameter.to_local().stride()))
    _, offset = compute_local_shape_and_global_offset(parameter.shape, parameter.device_mesh, placements)
    return int(offset[0]) * (parameter.numel() // max(1, parameter.shape[0]) if parameter.ndim else 0)
