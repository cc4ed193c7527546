"""Checkpoints: weights and optimizer state as safetensors, the rest as JSON; nothing is ever unpickled.

OUTPUT/checkpoints/step-0000123/   model.safetensors  optimizer.safetensors  config.json
                                   tokenizer.json  tokenizer_config.json (for transformers alone)
                                   state.json   written last: size and SHA-256 of the others, compared before use
                                   in parts where workers hold shards: trainer/saving/parts.py
OUTPUT/final/                      the same without the optimizer: what evaluation loads
"""

import dataclasses
import json
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import nn
from torch.distributed.tensor import DTensor

from schemas.storage import FileRecord, Folder
from trainer.model.clip import CLIP
from trainer.optim.ema import EMA_FILE, Ema
from trainer.optim.loss_scale import LossScaler
from trainer.presets import ModelConfig, ResNetConfig, TextConfig, ViTConfig
from trainer.saving.checkpoint_folders import CHECKPOINTS, delete_stale, find_checkpoints
from trainer.saving.host_copies import TensorFiles
from trainer.saving.shard_index import SHARDS_FILE, read_index
from trainer.saving.stored_rows import read_all
from trainer.saving.tensor_file import write_tensors
from trainer.saving.train_state import TrainState, train_state
from trainer.saving.written_files import (
    FINAL,
    FINAL_EMA,
    STATE_FILE,
    DamagedFile,
    WrittenFiles,
    read_state,
    written_files,
)
from trainer.tokenizer import CaptionTokenizer
from trainer.tokenizing.tokenizer_file import file_for_transformers

STATE_VERSION = 1
"""Of state.json; another version is refused."""

MODEL_FILE, OPTIMIZER_FILE = "model.safetensors", "optimizer.safetensors"
CONFIG_FILE, TOKENIZER_FILE = "config.json", "tokenizer.json"
FOR_TRANSFORMERS_FILE = "tokenizer_config.json"


def model_config_to_json(config: ModelConfig) -> dict[str, Any]:
    """Return the geometry as JSON values."""
    body = dataclasses.asdict(config)
    body["image"]["kind"] = "vit" if isinstance(config.image, ViTConfig) else "resnet"
    return body


def model_config_from_json(body: Any, where: str) -> ModelConfig:
    """Read what `model_config_to_json` gave. Raises ValueError naming `where`."""
    try:
        image = dict(body["image"])
        kind = image.pop("kind")
        if kind not in ("vit", "resnet"):
            raise ValueError(f"image encoder kind {kind!r}")
        if kind == "resnet":
            image["blocks"] = tuple(image["blocks"])
        encoder = ViTConfig(**image) if kind == "vit" else ResNetConfig(**image)
        loss = body.get("loss", "contrastive")
        if loss not in ("contrastive", "sigmoid"):
            raise ValueError(f"loss {loss!r}")
        return ModelConfig(embed_dim=body["embed_dim"], image=encoder, text=TextConfig(**body["text"]), loss=loss)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: expected the geometry of a model of this project, found {error!r}") from error


def state_tensors(model: nn.Module, optimizer: torch.optim.Optimizer, ema: Ema | None = None) -> TensorFiles:
    """Return the tensors of a training by the files of a checkpoint that hold them; they are the training's own."""
    tensors = {}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"{key}/{name}"] = torch.as_tensor(value)
    averages = {EMA_FILE: ema.state_dict()} if ema is not None else {}
    return {MODEL_FILE: model.state_dict(), OPTIMIZER_FILE: tensors, **averages}


def load_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Put what `state_tensors` gave of an optimizer into this one."""
    parameters = dict(model.named_parameters())
    for name, tensor in tensors.items():
        key, _, parameter_name = name.partition("/")
        if parameter_name not in parameters:
            raise ValueError(f"{OPTIMIZER_FILE}: no parameter {parameter_name!r} in the model")
        parameter = parameters[parameter_name]
        if tensor.shape == parameter.shape and key != "step":
            # in the parameter's memory format: the fused kernel walks both as they lie in memory
            tensor = torch.empty_like(parameter, dtype=tensor.dtype, requires_grad=False).copy_(tensor)
        optimizer.state[parameter][key] = tensor.to(parameter.device)


def write_model(
    folder: Folder, prefix: str, model: CLIP, tokenizer: CaptionTokenizer, *, is_first: bool = True
) -> list[FileRecord]:
    """Write weights, geometry and tokenizer under `prefix`; return their records.

    Of a sharded model all workers call it, and the first one writes; the others return none.
    """
    weights = {}
    for name, tensor in model.state_dict().items():
        whole = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        if is_first:
            weights[name] = whole.detach().cpu().contiguous()
    return _write_files(folder, prefix, {MODEL_FILE: weights}, model.config, tokenizer) if is_first else []


def _write_files(
    folder: Folder, prefix: str, files: TensorFiles, config: ModelConfig, tokenizer: CaptionTokenizer
) -> list[FileRecord]:
    return [
        *(write_tensors(folder, f"{prefix}/{name}", tensors) for name, tensors in files.items()),
        *write_description(folder, prefix, config, tokenizer),
    ]


def write_description(
    folder: Folder, prefix: str, config: ModelConfig, tokenizer: CaptionTokenizer
) -> list[FileRecord]:
    """Write geometry and tokenizer under `prefix`; return their records."""
    return [
        folder.write_json(f"{prefix}/{CONFIG_FILE}", model_config_to_json(config)),
        folder.write(f"{prefix}/{TOKENIZER_FILE}", tokenizer.to_json()),
        folder.write_json(f"{prefix}/{FOR_TRANSFORMERS_FILE}", file_for_transformers(tokenizer.context_length)),
    ]


def write_checkpoint(
    folder: Folder,
    files: TensorFiles,
    config: ModelConfig,
    tokenizer: CaptionTokenizer,
    state: TrainState,
    identity: str,
    keep: int,
) -> None:
    """Write the checkpoint of this step; its last file makes it valid.

    `files` are those of `state_tensors`, contiguous and on the CPU.
    """
    prefix = f"{CHECKPOINTS}/step-{state.step:07d}"
    folder.delete(f"{prefix}/{STATE_FILE}")  # of the same step: while files are replaced it is no checkpoint
    folder.delete(f"{prefix}/{SHARDS_FILE}")  # of workers that were killed
    try:
        records = _write_files(folder, prefix, files, config, tokenizer)
        finish_checkpoint(folder, prefix, records, state, identity, keep)
    except OSError:
        if state.step not in find_checkpoints(folder):  # the disk may be full of it
            folder.delete(prefix)
        raise


def finish_checkpoint(
    folder: Folder, prefix: str, records: list[FileRecord], state: TrainState, identity: str, keep: int
) -> None:
    """Write the state that makes the files of `records` a checkpoint; delete all but the `keep` latest and the best."""
    told = {name: value for name, value in dataclasses.asdict(state).items() if value is not None}
    body = {
        "version": STATE_VERSION,
        "identity": identity,
        **told,
        "files": {record.name.rsplit("/", 1)[-1]: [record.bytes, record.sha256] for record in records},
    }
    folder.write_json(f"{prefix}/{STATE_FILE}", body)
    delete_stale(folder, state, keep)


def read_checkpoint(
    folder: Folder,
    step: int,
    model: CLIP,
    optimizer: torch.optim.Optimizer,
    identity: str,
    *,
    ema: Ema | None = None,
    scaler: LossScaler | None = None,
) -> TrainState:
    """Load a checkpoint into model, optimizer and what else is given.

    Raises ValueError for another run or version, `DamagedFile` for files that are not as they were written.
    """
    checkpoint, state, written = open_checkpoint(folder, step, identity)
    weights, statistics = (checked_tensors(checkpoint, name, written) for name in (MODEL_FILE, OPTIMIZER_FILE))
    averages = checked_tensors(checkpoint, EMA_FILE, written) if ema is not None else {}
    model.load_state_dict(weights)
    load_optimizer(model, optimizer, statistics)
    if ema is not None:
        ema.load_state_dict(averages, checkpoint.path(EMA_FILE))
    if scaler is not None:
        load_scaler(scaler, checkpoint, state)
    return train_state(state)


def load_scaler(scaler: LossScaler, checkpoint: Folder, state: dict[str, Any]) -> None:
    """Take up the loss scale of a checkpoint's state. Raises `DamagedFile` where it has none."""
    try:
        scaler.load_json(json.dumps(state.get("loss_scale")).encode(), checkpoint.path(STATE_FILE))
    except ValueError as error:
        raise DamagedFile(str(error)) from error


def open_checkpoint(folder: Folder, step: int, identity: str) -> tuple[Folder, dict[str, Any], WrittenFiles]:
    """Return the folder of a checkpoint, its state and its notes; raises as `read_checkpoint`."""
    checkpoint = folder.sub(f"{CHECKPOINTS}/step-{step:07d}")
    state, written = read_state(checkpoint, STATE_VERSION)
    if state["identity"] != identity:
        raise ValueError(f"{checkpoint.url} belongs to another run (identity {state['identity']!r})")
    if state["step"] != step:
        raise DamagedFile(
            f"{checkpoint.path(STATE_FILE)}: step {state['step']} in a folder of step {step}; {written.remedy}"
        )
    if folder.exists(TOKENIZER_FILE):
        _check_tokenizer_of_run(folder, checkpoint, written)
    return checkpoint, state, written


def _check_tokenizer_of_run(folder: Folder, checkpoint: Folder, written: WrittenFiles) -> None:
    """Raise `DamagedFile` where the run's own tokenizer is not the one of its checkpoint.

    The files are equal, or the run's is of an early version and the checkpoint's is not.
    """
    try:
        written.read(folder, TOKENIZER_FILE)
    except DamagedFile as other:
        copy = read_tokenizer(checkpoint, written)
        try:
            is_same = read_tokenizer(folder).sha256 == copy.sha256
        except ValueError:
            is_same = False
        if not is_same:
            raise other from None


def checked_tensors(folder: Folder, name: str, written: WrittenFiles) -> dict[str, torch.Tensor]:
    """Return the tensors of a model's file, also one in parts. Raises `DamagedFile` where it is not as written."""
    index = read_index(folder, written)
    if index is not None:
        return read_all(folder, index.get(name, {}))
    try:
        return load_tensors(written.read(folder, name))
    except SafetensorError as error:
        raise DamagedFile(f"{folder.path(name)}: expected a safetensors file, {error}") from error


def read_tokenizer(folder: Folder, written: WrittenFiles | None = None) -> CaptionTokenizer:
    """Return the tokenizer in `folder`, checked if it is `written` what it was. Raises ValueError naming the file."""
    body = written.read(folder, TOKENIZER_FILE) if written else folder.read(TOKENIZER_FILE)
    try:
        return CaptionTokenizer.from_json(body)
    except ValueError as error:
        raise ValueError(f"{folder.path(TOKENIZER_FILE)}: {error}") from error


def model_folder(path: str, *, averaged: bool = False, option: str = "--checkpoint") -> Folder:
    """Return the folder of the model that `path` means.

    `path` is a run's output (its final model, `averaged` the one of averages, else its latest checkpoint), or a folder
    with the files of one model. Raises FileNotFoundError that names `option` and says what was expected.
    """
    final = FINAL_EMA if averaged else FINAL
    folder = Folder(path)
    if not folder.exists():
        raise FileNotFoundError(f"{option}: no such folder {folder.url!r}")
    if not folder.exists(MODEL_FILE) and not folder.exists(SHARDS_FILE):
        steps = find_checkpoints(folder)
        if folder.exists(f"{final}/{MODEL_FILE}"):
            folder = folder.sub(final)
        elif steps:
            folder = folder.sub(f"{CHECKPOINTS}/step-{steps[-1]:07d}")
        else:
            raise FileNotFoundError(
                f"{option}: {folder.url} holds neither {MODEL_FILE} nor {final}/ nor a finished checkpoint; "
                "expected the --output of trainer/run.py or one of its checkpoints"
            )
    for name in (CONFIG_FILE, TOKENIZER_FILE):
        if not folder.exists(name):
            raise FileNotFoundError(f"{option}: {folder.path(name)} is missing")
    return folder


def weights_file(folder: Folder, *, averaged: bool) -> str:
    """Return which file of `model_folder` has the weights. Raises FileNotFoundError where it has no averages."""
    if not averaged or folder.url.rpartition("/")[2] == FINAL_EMA:
        return MODEL_FILE
    index = read_index(folder, written_files(folder))
    if not folder.exists(EMA_FILE) and EMA_FILE not in (index or ()):
        raise FileNotFoundError(
            f"--weights ema: {folder.url} has no {EMA_FILE}; expected a checkpoint of a run with --ema-decay, "
            f"or its {FINAL_EMA}/"
        )
    return EMA_FILE
