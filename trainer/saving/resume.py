"""Where a run goes on: its newest checkpoint that is whole, read by the first worker and sent to the others.

Storage gives each byte once, whatever the number of workers; between them it takes a fraction of that time. Workers
that hold shards read their own rows each, and pass over together what one of them finds damaged.
"""

import dataclasses
import json
import logging

import torch

from schemas.storage import Folder, canonical_json
from trainer.saving.checkpoint import OPTIMIZER_FILE, load_optimizer, read_checkpoint, state_tensors
from trainer.saving.checkpoint_folders import CHECKPOINTS, find_checkpoints
from trainer.saving.sharded_checkpoint import read_shards
from trainer.saving.train_state import Best, TrainState
from trainer.saving.trained import Trained
from trainer.saving.written_files import DAMAGED_SUFFIX, STATE_FILE, DamagedFile
from trainer.step.sharding import is_sharded
from trainer.workers.distributed import World

logger = logging.getLogger(__name__)

_DTYPES = {str(dtype): dtype for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.float64, torch.int64)}


def resume(folder: Folder, trained: Trained, identity: str, world: World) -> TrainState | None:
    """Put the run's newest whole checkpoint into what all workers train; return its state, None without one.

    Raises ValueError for a checkpoint of another run or version, and where none of them is whole.
    """
    if is_sharded(trained.model):
        return _resume_shards(folder, trained, identity, world)

    def read() -> bytes:
        state = _read_newest(folder, trained, identity)
        if state is None:
            return b""
        statistics = state_tensors(trained.model, trained.optimizer)[OPTIMIZER_FILE]
        tensors = [[name, list(tensor.shape), str(tensor.dtype)] for name, tensor in statistics.items()]
        return canonical_json({"state": dataclasses.asdict(state), "tensors": tensors})

    told = world.from_first(read)
    if not told:
        return None
    body = json.loads(told)
    if world.size > 1:
        _share(trained, body["tensors"], world)
    best = body["state"].pop("best")
    state = TrainState(**body["state"], best=Best(**best) if best else None)
    if trained.scaler is not None and not world.first:
        trained.scaler.load_state_dict(state.loss_scale or {})
    return state


def _read_newest(folder: Folder, trained: Trained, identity: str) -> TrainState | None:
    """Load the newest checkpoint that is whole. Damaged ones after it are told of, and are none any more."""
    damaged: list[tuple[int, Exception]] = []
    for step in reversed(find_checkpoints(folder)):
        try:
            state = read_checkpoint(
                folder, step, trained.model, trained.optimizer, identity, ema=trained.ema, scaler=trained.scaler
            )
        except (DamagedFile, FileNotFoundError) as error:
            damaged.append((step, error))
            continue
        _pass_over(folder, damaged, step)
        return state
    if damaged:
        raise DamagedFile(_none_is_whole(folder, damaged))
    return None


def _none_is_whole(folder: Folder, damaged: list[tuple[int, Exception]]) -> str:
    """Return what is wrong with each checkpoint there is, and what can be done where no other is left."""
    faults = "; ".join(str(fault).partition(";")[0] for _, fault in damaged)
    which = "the only checkpoint is" if len(damaged) == 1 else f"all {len(damaged)} checkpoints are"
    return (
        f"{which} damaged, nothing is left to go on from: {faults}. Put these files back as they were, or delete "
        f"{folder.path(CHECKPOINTS)} and run the same command again: it begins anew, at step 0"
    )


def _pass_over(folder: Folder, damaged: list[tuple[int, Exception]], step: int) -> None:
    for bad_step, fault in damaged:
        notes = f"{CHECKPOINTS}/step-{bad_step:07d}/{STATE_FILE}"
        folder.copy(notes, notes + DAMAGED_SUFFIX)
        folder.delete(notes)
        logger.warning("%s; the run goes on from step %d", str(fault).partition(";")[0], step)


def _resume_shards(folder: Folder, trained: Trained, identity: str, world: World) -> TrainState | None:
    """Load each worker's rows of the newest checkpoint that all workers find whole."""
    steps = json.loads(world.from_first(lambda: canonical_json(find_checkpoints(folder))))
    damaged: list[tuple[int, Exception]] = []
    for step in reversed(steps):
        refused, fault = "", ""
        try:
            state = read_shards(folder, step, trained, identity, world)
        except (DamagedFile, FileNotFoundError) as error:
            fault = str(error)
        except (ValueError, OSError) as error:
            refused = str(error)
        refused, fault = world.first_failure(refused), world.first_failure(fault)
        if refused:
            raise ValueError(refused)
        if fault:
            damaged.append((step, DamagedFile(fault)))
            continue
        if world.first:
            _pass_over(folder, damaged, step)
        return state
    if damaged:
        raise DamagedFile(_none_is_whole(folder, damaged))
    return None


def _share(trained: Trained, tensors: list[tuple[str, list[int], str]], world: World) -> None:
    """Give all workers the first one's weights, buffers, statistics (`tensors`: name, shape, type) and averages."""
    files = state_tensors(trained.model, trained.optimizer, trained.ema)
    for name in sorted({*files} - {OPTIMIZER_FILE}):
        for tensor in files[name].values():
            _send(tensor, world)
    own, received = files[OPTIMIZER_FILE], {}
    for name, shape, dtype in tensors:
        found = own[name] if world.first else torch.empty(shape, dtype=_DTYPES[dtype], device=world.device)
        received[name] = found
        _send(found, world)
    if not world.first:
        load_optimizer(trained.model, trained.optimizer, received)


def _send(tensor: torch.Tensor, world: World) -> None:
    dense = tensor.detach().to(world.device).contiguous()
    world.copy_of_first(dense)
    if not world.first:
        tensor.detach().copy_(dense)
