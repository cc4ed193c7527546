"""Any model that `find_weights` finds, read whole: tensors by our names, geometry, tokenizer. The one way to load."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import torch

from trainer.model.clip import CLIP
from trainer.presets import ModelConfig
from trainer.saving.checkpoint import TOKENIZER_FILE
from trainer.saving.written_files import written_files
from trainer.tokenizer import CaptionTokenizer
from trainer.weights.begin import named_tokenizer, read_given, tokenizer_of_weights
from trainer.weights.find_weights import WeightFiles, find_weights
from trainer.weights.form.openai_geometry import openai_geometry
from trainer.weights.geometry import geometry_of
from trainer.weights.load import convert_given, told_of
from trainer.weights.vocabulary_files import VOCABULARY_FILE


@dataclass(frozen=True, kw_only=True)
class ReadModel:
    """A model's files, read."""

    geometry: ModelConfig
    tensors: dict[str, torch.Tensor]
    """By our names, all that a `CLIP` of this geometry has, in float32; counts of BatchNorm are 0 where none stand."""
    tokenizer: CaptionTokenizer
    inputs: list[dict[str, Any]]
    """Name and SHA-256 of each file with weights, for a run's record."""
    told: list[str]
    """Whose weights they are, what was done to them, what the files hold beside, what they lack."""


def read_model(
    path: str, option: str, *, averaged: bool = False, model: str | None = None, tokenizer: str | None = None
) -> ReadModel:
    """Return the model that `path` means to ``--init-from``; `averaged`: the averages of a run of ours.

    `model`, a preset or a FILE.json, is for files of tensors alone; of OpenAI's it is not needed. `tokenizer`,
    ``openai`` or a path as ``--tokenizer`` takes it, stands in for the one beside the weights. Raises OSError or
    ValueError, one line that names `option`, the file, what was expected.
    """
    files = find_weights(path, option, averaged=averaged)
    if files.kind == "ours" and files.folder.exists(TOKENIZER_FILE):
        written_files(files.folder).check_file(files.folder, TOKENIZER_FILE)
    given, inputs = read_given(option.lstrip("-"), files)
    theirs = files.geometry
    if theirs is None and not given.is_vit_alone:
        theirs = openai_geometry(given.plain_tensors)
    if theirs is None and files.kind in ("vit", "timm"):
        raise ValueError(
            f"{option}: {files.where} is an image encoder alone, and knows no texts; expected a whole CLIP"
        )
    geometry = geometry_of(theirs, model, option, files.where)
    with torch.device("meta"):
        state = CLIP(geometry).state_dict()
    converted, naming = convert_given({name: tensor.shape for name, tensor in state.items()}, given, files.where)
    counts = {name: torch.zeros_like(tensor, device="cpu") for name, tensor in _counts(state).items()}
    if tokenizer is None:
        found, where = tokenizer_of_weights(files, geometry, option), files.folder.url
    else:
        found, where = named_tokenizer(tokenizer, geometry.text.context_length), tokenizer
    told = [*told_of(converted, naming, given), *_told_lacking(files, tokenizer, counts.keys() - converted.tensors)]
    if found.vocab_size > geometry.text.vocab_size:
        raise ValueError(
            f"{option}: the tokenizer of {where} has {found.vocab_size} tokens, the text encoder "
            f"{geometry.text.vocab_size}; they are not of one model"
        )
    return ReadModel(
        geometry=geometry, tensors=counts | converted.tensors, tokenizer=found, inputs=inputs,
        told=told,
    )  # fmt: skip


def _counts(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in state.items() if not tensor.is_floating_point()}


def _told_lacking(files: WeightFiles, tokenizer: str | None, counts: AbstractSet[str]) -> list[str]:
    """Return what is taken in place of what these weights have not."""
    told = [f"{len(counts)} counts of BatchNorm are not there: 0, which no feature depends on"] if counts else []
    has_tokenizer = any(files.folder.exists(name) for name in (TOKENIZER_FILE, VOCABULARY_FILE))
    if tokenizer is None and not has_tokenizer:
        told.append("no tokenizer lies beside them: OpenAI's")
    return told
