"""What a training begins with that others made: weights and a tokenizer, read once.

The first worker reads the files, whole and once, and sends the others what they need: the hashes before the run's
record is made, the weights when the model is (one read a run, and no other node needs the path). Ray's launcher,
another process, reads the files for their hashes alone.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.distributed as dist

from schemas.storage import Folder
from trainer.config import TrainConfig
from trainer.presets import VOCAB_SIZE, ModelConfig
from trainer.saving.shard_index import SHARDS_FILE, read_index
from trainer.saving.stored_rows import read_all
from trainer.saving.written_files import written_files
from trainer.tokenizer import CaptionTokenizer
from trainer.weights.find_weights import WeightFiles, find_weights
from trainer.weights.form.naming import plain_name
from trainer.weights.form.timm_names import TIMM
from trainer.weights.form.transformers_names import TRANSFORMERS_VIT
from trainer.weights.openai_vocabulary import openai_vocabulary
from trainer.weights.read_tensors import hash_file, read_tensors
from trainer.weights.vocabulary_files import LIST_SUFFIXES, tokenizer_of_folder, tokenizer_of_json, tokenizer_of_list
from trainer.workers.distributed import World

OPTIONS = ("init_from", "init_image_from")


@dataclass(frozen=True, kw_only=True)
class GivenWeights:
    """The tensors of one option, read."""

    option: str
    files: WeightFiles
    tensors: dict[str, torch.Tensor]
    """By the names of their project."""
    beside: tuple[str, ...]
    """What the files hold beside tensors by name: optimizer, epoch."""

    @property
    def plain_tensors(self) -> dict[str, torch.Tensor]:
        """The tensors without what wrappers put before their names."""
        return {plain_name(name): tensor for name, tensor in self.tensors.items()}

    @property
    def is_vit_alone(self) -> bool:
        """Whether it is a ViT of timm or transformers, which has no projection."""
        marks = (TIMM.mark, TRANSFORMERS_VIT.mark)
        return any(plain_name(name) in marks for name in self.tensors)


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """What others made of a run."""

    inputs: list[dict[str, Any]]
    """Names and SHA-256 of the files, and of the tokenizer, for the run's record."""
    weights: tuple[GivenWeights, ...] = ()
    """On the first worker; empty on all others."""
    tokenizer: CaptionTokenizer | None = None
    """On the first worker; None where it is to be trained."""
    is_projection_new: bool = False
    """Whether an image encoder came without the projection to the embedding."""


def read_beginning(config: TrainConfig, world: World, read: Beginning | None = None) -> Beginning:
    """Return what the options name; `read` is that where the first worker has it already.

    Raises OSError or ValueError that names option, file and what was expected.
    """
    beginning = (read or read_given_files(config)) if world.first else Beginning(inputs=[])
    if world.size > 1:
        told: list[Any] = [beginning.inputs, beginning.is_projection_new]
        dist.broadcast_object_list(told, src=0, device=world.device)
        beginning = replace(beginning, inputs=told[0], is_projection_new=told[1])
    return beginning


def describe_beginning(config: TrainConfig) -> list[dict[str, Any]]:
    """Return the inputs of a `Beginning`; no tensor is kept."""
    inputs = []
    for option, files in _found(config):
        for name in files.files:
            sha256 = hash_file(files.folder, name)
            _check_written(files, name, sha256)
            inputs.append({"name": f"{option}/{name}", "sha256": sha256})
    return inputs + _describe_tokenizer(find_tokenizer(config))


def find_tokenizer(config: TrainConfig) -> CaptionTokenizer | None:
    """Return the tokenizer that the options give; None where it is to be trained.

    Without `tokenizer` it is that of the weights, else OpenAI's where those have its 49,408 tokens. Raises OSError or
    ValueError that says what was expected.
    """
    geometry = config.model_config
    context_length = geometry.text.context_length
    if config.tokenizer is None and config.init_from is not None:
        return tokenizer_of_weights(find_weights(config.init_from, "--init-from"), geometry, "--init-from")
    if config.tokenizer is None or config.tokenizer == "train":
        return None
    return named_tokenizer(config.tokenizer, context_length)


def tokenizer_of_weights(files: WeightFiles, geometry: ModelConfig, option: str) -> CaptionTokenizer:
    """Return the tokenizer beside weights, else OpenAI's where the text encoder has its 49,408 tokens.

    Raises OSError or ValueError that names `option` where neither is to be had.
    """
    found = tokenizer_of_folder(files.folder, geometry.text.context_length)
    if found is not None:
        return found
    if files.tokenizer_name is not None:
        raise ValueError(
            f"{option}: {files.folder.url} names the tokenizer {files.tokenizer_name!r} and holds none; put its "
            "tokenizer.json, or vocab.json and merges.txt, there"
        )
    if geometry.text.vocab_size != VOCAB_SIZE:
        raise ValueError(
            f"{option}: {files.folder.url} holds no tokenizer, and the model's {geometry.text.vocab_size} tokens are "
            f"not OpenAI's {VOCAB_SIZE}; give the --tokenizer that its text encoder was trained with"
        )
    return tokenizer_of_list(openai_vocabulary(), "--tokenizer openai", geometry.text.context_length)


def named_tokenizer(name: str, context_length: int) -> CaptionTokenizer:
    """Return the tokenizer ``openai``, or that in a folder or file. Raises OSError or ValueError that names it."""
    if name == "openai":
        return tokenizer_of_list(openai_vocabulary(), "--tokenizer openai", context_length)
    return _tokenizer_at(name, context_length)


def _tokenizer_at(path: str, context_length: int) -> CaptionTokenizer:
    parent, slash, name = path.rpartition("/")
    if not name.endswith((*LIST_SUFFIXES, ".json")):
        found = tokenizer_of_folder(Folder(path), context_length)
        if found is None:
            raise FileNotFoundError(
                f"--tokenizer: {Folder(path).url} holds none; expected openai, train, a folder with vocab.json and "
                f"merges.txt or tokenizer.json, or a file ({', '.join(LIST_SUFFIXES)}, tokenizer.json)"
            )
        return found
    folder = Folder(parent or (slash or "."))
    if not folder.exists(name):
        raise FileNotFoundError(f"--tokenizer: no such file {folder.path(name)!r}")
    read = tokenizer_of_json if name.endswith(".json") else tokenizer_of_list
    return read(folder.read(name), folder.path(name), context_length)


def _found(config: TrainConfig) -> list[tuple[str, WeightFiles]]:
    given = [(option, getattr(config, option)) for option in OPTIONS]
    return [(option, find_weights(path, f"--{option.replace('_', '-')}")) for option, path in given if path is not None]


def read_given(option: str, files: WeightFiles) -> tuple[GivenWeights, list[dict[str, Any]]]:
    """Return the tensors in `files`, and what the run's record says of each file. Raises ValueError that names it."""
    inputs: list[dict[str, Any]] = []
    tensors: dict[str, torch.Tensor] = {}
    beside: list[str] = []
    for name in files.files:
        found, others, sha256 = _read_parts(files) if name == SHARDS_FILE else read_tensors(files.folder, name)
        _check_written(files, name, sha256)
        if twice := tensors.keys() & found.keys():
            raise ValueError(f"{files.folder.path(name)}: tensor {min(twice)!r} stands in another file, too")
        tensors |= found
        beside += others
        inputs.append({"name": f"{option}/{name}", "sha256": sha256})
    return GivenWeights(option=option, files=files, tensors=tensors, beside=tuple(beside)), inputs


def _read_parts(files: WeightFiles) -> tuple[dict[str, torch.Tensor], tuple[str, ...], str]:
    """Return what `read_tensors` does, of a checkpoint in parts; the SHA-256 is the index's, which has the parts'."""
    index = read_index(files.folder, written_files(files.folder)) or {}
    tensors = read_all(files.folder, index.get(files.holds, {}))
    return tensors, (), hash_file(files.folder, SHARDS_FILE)


def read_given_files(config: TrainConfig) -> Beginning:
    """Return what the options name, by this process alone. Raises as `read_beginning`."""
    read = [read_given(option, files) for option, files in _found(config)]
    tokenizer = find_tokenizer(config)
    return Beginning(
        inputs=[*(one for _, inputs in read for one in inputs), *_describe_tokenizer(tokenizer)],
        weights=tuple(given for given, _ in read),
        tokenizer=tokenizer,
        is_projection_new=any(given.is_vit_alone for given, _ in read),
    )


def _check_written(files: WeightFiles, name: str, sha256: str) -> None:
    """Raise ValueError where a checkpoint of ours is no longer what was written."""
    if files.kind == "ours":
        written_files(files.folder).check_hash(files.folder.path(name), name, sha256)


def _describe_tokenizer(tokenizer: CaptionTokenizer | None) -> list[dict[str, Any]]:
    if tokenizer is None:
        return []
    return [{"name": "tokenizer", "sha256": tokenizer.sha256}]
