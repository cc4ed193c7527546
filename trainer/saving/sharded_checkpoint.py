"""A run's state as each worker's part of it: written beside the steps, read by any number of workers that hold shards.

Each worker reads only the pieces that have its rows; what one of them finds damaged, all pass over.
"""

from collections.abc import Mapping

import torch

from schemas.storage import Folder
from trainer.optim.ema import EMA_FILE
from trainer.optim.shards import first_row, local
from trainer.presets import ModelConfig
from trainer.saving.checkpoint import (
    MODEL_FILE,
    OPTIMIZER_FILE,
    finish_checkpoint,
    load_scaler,
    open_checkpoint,
    state_tensors,
    write_description,
)
from trainer.saving.checkpoint_folders import CHECKPOINTS
from trainer.saving.held_rows import Held
from trainer.saving.host_copies import TensorFiles
from trainer.saving.parts import Place, collect_parts, write_part
from trainer.saving.shard_index import SHARDS_FILE, Stored, index_of_whole, index_to_json, read_index
from trainer.saving.stored_rows import read_rows
from trainer.saving.train_state import TrainState, train_state
from trainer.saving.trained import Trained
from trainer.saving.written_files import DamagedFile, WrittenFiles
from trainer.tokenizer import CaptionTokenizer
from trainer.workers.distributed import World


def write_sharded_checkpoint(
    folder: Folder,
    copies: TensorFiles,
    held: Mapping[str, Mapping[str, Held]],
    config: ModelConfig,
    tokenizer: CaptionTokenizer,
    state: TrainState,
    identity: str,
    keep: int,
    place: Place,
) -> None:
    """Write this worker's part; on the first worker, when all parts are there, what makes them a checkpoint.

    `copies` are of what is `held`, on the CPU. Raises TimeoutError where a part does not come.
    """
    prefix = f"{CHECKPOINTS}/step-{state.step:07d}"
    write_part(folder, prefix, copies, held, place)
    if place.rank:
        return
    records, index = collect_parts(folder, prefix, place)
    records.append(folder.write_json(f"{prefix}/{SHARDS_FILE}", index_to_json(index)))
    records += write_description(folder, prefix, config, tokenizer)
    finish_checkpoint(folder, prefix, records, state, identity, keep)


def read_shards(folder: Folder, step: int, trained: Trained, identity: str, world: World) -> TrainState:
    """Load this worker's rows of a checkpoint, whole or in parts, into what it trains.

    Raises as `trainer.saving.checkpoint.read_checkpoint`, on this worker alone: `World.agree` tells the others.
    """
    checkpoint, state, written = open_checkpoint(folder, step, identity)
    kinds = [MODEL_FILE, OPTIMIZER_FILE, *([EMA_FILE] if trained.ema is not None else [])]
    index = read_index(checkpoint, written)
    if index is None:
        if world.first:
            for kind in kinds:
                written.check_file(checkpoint, kind)
        index = {kind: index_of_whole(checkpoint, kind) for kind in kinds}
    own = state_tensors(trained.model, trained.optimizer, trained.ema)
    for kind in kinds:
        if kind not in index:
            raise ValueError(f"{checkpoint.url}: expected {kind} in it, found {', '.join(sorted(index))}")
        if kind == OPTIMIZER_FILE:
            _load_optimizer(checkpoint, index[kind], trained, written)
        else:
            _load(checkpoint, index[kind], own[kind], written)
    if trained.scaler is not None:
        load_scaler(trained.scaler, checkpoint, state)
    return train_state(state)


def _load(
    folder: Folder, stored: Mapping[str, Stored], tensors: Mapping[str, torch.Tensor], written: WrittenFiles
) -> None:
    if stored.keys() != tensors.keys():
        other = sorted(stored.keys() ^ tensors.keys())[0]
        raise ValueError(f"{folder.url}: expected the tensors of this model, {other!r} is in one of both alone")
    for name, tensor in tensors.items():
        local(tensor).copy_(_own_rows(folder, name, stored[name], tensor, written))


def _load_optimizer(folder: Folder, stored: Mapping[str, Stored], trained: Trained, written: WrittenFiles) -> None:
    """Put the stored statistics of each parameter's rows beside it; the count of steps is the same for all rows."""
    parameters = dict(trained.model.named_parameters())
    for name, one in stored.items():
        key, _, parameter_name = name.partition("/")
        if parameter_name not in parameters:
            raise ValueError(f"{folder.url}: {OPTIMIZER_FILE}: no parameter {parameter_name!r} in the model")
        parameter = parameters[parameter_name]
        if key == "step":
            value = read_rows(folder, name, one).to(parameter.device)
        else:
            rows = _own_rows(folder, name, one, parameter, written)
            value = torch.zeros_like(parameter, dtype=rows.dtype, requires_grad=False)
            local(value).copy_(rows)
        trained.optimizer.state[parameter][key] = value


def _own_rows(folder: Folder, name: str, stored: Stored, tensor: torch.Tensor, written: WrittenFiles) -> torch.Tensor:
    if stored.shape != tuple(tensor.shape):
        raise ValueError(f"{folder.url}: {name} must have shape {list(tensor.shape)}, found {list(stored.shape)}")
    start = first_row(tensor)
    stop = start + len(local(tensor)) if stored.shape else 1
    try:
        return read_rows(folder, name, stored, start, stop)
    except DamagedFile as error:
        raise DamagedFile(f"{error}; {written.remedy}") from error
