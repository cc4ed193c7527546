"""A model as folders of transformers, of open_clip and of ours: config, weights by their names, tokenizer."""

from collections.abc import Mapping

import torch

from schemas.storage import Folder
from trainer.export.tokenizer_files import write_preprocessing, write_tokenizer
from trainer.model.clip import IMAGE_MEAN, IMAGE_STD
from trainer.saving.checkpoint import CONFIG_FILE, MODEL_FILE, model_config_to_json
from trainer.saving.tensor_file import write_tensors
from trainer.weights.find_weights import OPEN_CLIP_CONFIG
from trainer.weights.form.naming import Naming
from trainer.weights.form.open_clip_config import config_for_open_clip
from trainer.weights.form.open_clip_names import OPEN_CLIP
from trainer.weights.form.our_names import OURS
from trainer.weights.form.transformers_config import config_for_transformers
from trainer.weights.form.transformers_names import TRANSFORMERS_CLIP
from trainer.weights.read_model import ReadModel
from trainer.weights.rename import renamed

OPEN_CLIP_WEIGHTS = "open_clip_model.safetensors"
OF_TORCH = {"format": "pt"}
"""Metadata without which some versions of transformers refuse a file of tensors."""


def write_for_transformers(folder: Folder, read: ReadModel) -> tuple[str, ...]:
    """Write what ``CLIPModel.from_pretrained`` and its pipelines open; return the names of what has no place there."""
    tokenizer = read.tokenizer
    folder.write_json(CONFIG_FILE, config_for_transformers(read.geometry, sos=tokenizer.sos, eos=tokenizer.eos))
    write_preprocessing(folder, read.geometry.image.image_px)
    write_tokenizer(folder, tokenizer, with_vocabulary=True)
    return _write_weights(folder, MODEL_FILE, read.tensors, TRANSFORMERS_CLIP)


def write_for_open_clip(folder: Folder, read: ReadModel) -> tuple[str, ...]:
    """Write what open_clip's ``local-dir:`` opens, by its tokenizer too; return the names of what has no place there.

    Raises ValueError for a tokenizer whose [EOS] is not its last token: open_clip takes a text's highest id for it.
    """
    tokenizer = read.tokenizer
    if tokenizer.eos != tokenizer.vocab_size - 1:
        raise ValueError(
            f"open_clip takes the highest id of a text for [EOS], which is {tokenizer.eos} of {tokenizer.vocab_size} "
            "tokens here; give --format transformers, onnx or safetensors"
        )
    model_cfg = config_for_open_clip(read.geometry)
    # any name has open_clip look for the tokenizer's files beside the config
    model_cfg["text_cfg"]["hf_tokenizer_name"] = "."
    preprocess_cfg = {
        "mean": list(IMAGE_MEAN), "std": list(IMAGE_STD), "interpolation": "bicubic", "resize_mode": "shortest",
    }  # fmt: skip
    folder.write_json(OPEN_CLIP_CONFIG, {"model_cfg": model_cfg, "preprocess_cfg": preprocess_cfg})
    write_tokenizer(folder, tokenizer)
    return _write_weights(folder, OPEN_CLIP_WEIGHTS, read.tensors, OPEN_CLIP)


def write_for_us(folder: Folder, read: ReadModel) -> tuple[str, ...]:
    """Write what `trainer.load` opens, and any reader of safetensors; nothing is left out."""
    folder.write_json(CONFIG_FILE, model_config_to_json(read.geometry))
    write_tokenizer(folder, read.tokenizer)
    return _write_weights(folder, MODEL_FILE, read.tensors, OURS)


def _write_weights(folder: Folder, name: str, tensors: Mapping[str, torch.Tensor], naming: Naming) -> tuple[str, ...]:
    found, left = renamed(tensors, naming)
    write_tensors(folder, name, found, OF_TORCH)
    return left
