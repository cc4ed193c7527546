"""Where a model's weights lie, in which files, and which file says its geometry. Reads no tensor.

A run of ours (``final/``, a checkpoint), a folder of open_clip, of transformers, of timm, or a file of tensors alone;
by path or fsspec URL.
"""

from dataclasses import dataclass
from typing import Literal

from schemas.json_object import JsonObject, parse_object
from schemas.storage import Folder
from trainer.presets import ModelConfig, ViTConfig
from trainer.saving.checkpoint import CONFIG_FILE, MODEL_FILE, model_config_from_json, model_folder, weights_file
from trainer.saving.checkpoint_folders import CHECKPOINTS
from trainer.saving.shard_index import SHARDS_FILE
from trainer.saving.written_files import FINAL, FINAL_EMA, written_files
from trainer.weights.form.open_clip_config import model_of_open_clip
from trainer.weights.form.transformers_config import model_of_transformers, vit_of_transformers
from trainer.weights.normalisation import Normalisation, normalisation_of

Kind = Literal["ours", "open_clip", "clip", "vit", "timm", "tensors"]

TENSOR_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth")
OPEN_CLIP_CONFIG = "open_clip_config.json"
PREPROCESSOR_CONFIG = "preprocessor_config.json"
INDEX_SUFFIX = ".index.json"

_OPEN_CLIP_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_TRANSFORMERS_FILES = (MODEL_FILE, MODEL_FILE + INDEX_SUFFIX, "pytorch_model.bin", f"pytorch_model.bin{INDEX_SUFFIX}")
_EXPECTED = (
    "expected the --output of a training, a folder with open_clip_config.json, or with config.json and "
    f"model.safetensors, or a file ({', '.join(TENSOR_SUFFIXES)})"
)


@dataclass(frozen=True)
class WeightFiles:
    """A model that was found."""

    kind: Kind
    folder: Folder
    files: tuple[str, ...]
    """With its tensors, in order."""
    config: JsonObject | None
    """Its geometry as its project writes it; None for tensors alone."""
    holds: str = MODEL_FILE
    """Of a checkpoint in parts, whose one file is the index: which whole file the parts are of."""

    @property
    def where(self) -> str:
        """What messages call its tensors."""
        return self.folder.path(self.files[0]) if len(self.files) == 1 else self.folder.url

    @property
    def geometry(self) -> ModelConfig | None:
        """Of a whole CLIP; None where none is told. Raises ValueError that names the file and field."""
        if self.config is None:
            return None
        if self.kind == "ours":
            return model_config_from_json(self.config, self.config.where)
        if self.kind == "open_clip":
            return model_of_open_clip(self.config, self.config.where)
        return model_of_transformers(self.config, self.config.where) if self.kind == "clip" else None

    @property
    def tokenizer_name(self) -> str | None:
        """What a config of open_clip names as the tokenizer, other than its own; None for all else."""
        if self.config is None or self.kind != "open_clip":
            return None
        body = self.config.get("model_cfg", self.config)
        name = body["text_cfg"].get("hf_tokenizer_name")
        return str(name) if name else None

    @property
    def vit(self) -> ViTConfig | None:
        """The geometry of transformers' ViT; None for all else."""
        if self.kind != "vit" or self.config is None:
            return None
        return vit_of_transformers(self.config, self.config.where)

    @property
    def normalisation(self) -> Normalisation | None:
        """Of the pixels that the weights were trained on; None where nothing is told."""
        body, mean, std = self.config, "mean", "std"
        if body is not None and self.kind in ("open_clip", "timm"):
            body = body.get("preprocess_cfg" if self.kind == "open_clip" else "pretrained_cfg", body)
        elif self.kind in ("clip", "vit"):
            mean, std = "image_mean", "image_std"
            told = self.folder.exists(PREPROCESSOR_CONFIG)
            body = self.folder.read_json(PREPROCESSOR_CONFIG) if told else None
        if body is not None and mean in body and std in body:
            return normalisation_of(body[mean], body[std], body.where)
        return Normalisation() if self.kind == "ours" else None


def find_weights(path: str, option: str, *, averaged: bool = False) -> WeightFiles:
    """Return the model that `path` means; `averaged`: the averages of its weights, which runs of ours may have.

    Raises FileNotFoundError or ValueError that names `option` and the path.
    """
    found = _found(path, option, averaged=averaged)
    if averaged and found.kind != "ours":
        raise FileNotFoundError(f"{option}: {found.where} has no averages; expected a run of ours with --ema-decay")
    return found


def _found(path: str, option: str, *, averaged: bool) -> WeightFiles:
    if path.endswith(TENSOR_SUFFIXES):
        parent, slash, name = path.replace("\\", "/").rpartition("/")
        folder = Folder(parent or (slash or "."))
        if not folder.exists(name):
            raise FileNotFoundError(f"{option}: no such file {folder.path(name)!r}")
        return WeightFiles("tensors", folder, (name,), None)
    folder = Folder(path)
    if folder.exists(OPEN_CLIP_CONFIG) and any(folder.exists(name) for name in _OPEN_CLIP_FILES):
        return WeightFiles(
            "open_clip", folder, _files(folder, _OPEN_CLIP_FILES, option), folder.read_json(OPEN_CLIP_CONFIG)
        )
    if folder.exists(CONFIG_FILE):
        config = _checked_config(folder)
        kind = _kind(config, option)
        if kind == "ours":
            return _ours(folder, config, option, averaged=averaged)
        return WeightFiles(kind, folder, _files(folder, _TRANSFORMERS_FILES, option), config)
    if folder.exists(CHECKPOINTS) or any(folder.exists(f"{final}/{MODEL_FILE}") for final in (FINAL, FINAL_EMA)):
        folder = model_folder(path, averaged=averaged, option=option)
        return _ours(folder, _checked_config(folder), option, averaged=averaged)
    if not folder.exists():
        raise FileNotFoundError(f"{option}: no such folder {folder.url!r}; {_EXPECTED}")
    raise FileNotFoundError(f"{option}: {folder.url} holds no model; {_EXPECTED}")


def _ours(folder: Folder, config: JsonObject, option: str, *, averaged: bool) -> WeightFiles:
    name = weights_file(folder, averaged=averaged)
    if folder.exists(SHARDS_FILE):
        return WeightFiles("ours", folder, (SHARDS_FILE,), config, holds=name)
    return WeightFiles("ours", folder, _files(folder, (name,), option), config, holds=name)


def _checked_config(folder: Folder) -> JsonObject:
    """Return ``config.json``, of a checkpoint of ours only as it was written."""
    return parse_object(written_files(folder).read(folder, CONFIG_FILE), folder.path(CONFIG_FILE))


def _kind(config: JsonObject, option: str) -> Kind:
    if "embed_dim" in config and "image" in config:
        return "ours"
    if "architecture" in config and "model_type" not in config:
        return "timm"
    kind = config.get("model_type")
    if kind not in ("clip", "vit"):
        raise ValueError(
            f"{option}: {config.where} is of model_type {kind!r}; expected 'clip' or 'vit' of transformers, a "
            "timm model, or a checkpoint of this project"
        )
    return "clip" if kind == "clip" else "vit"


def _files(folder: Folder, names: tuple[str, ...], option: str) -> tuple[str, ...]:
    for name in names:
        if folder.exists(name):
            return _listed(folder, name) if name.endswith(INDEX_SUFFIX) else (name,)
    raise FileNotFoundError(f"{option}: {folder.url} has no weights; expected one of {', '.join(names)}")


def _listed(folder: Folder, name: str) -> tuple[str, ...]:
    """Return the files that an index of transformers spreads the tensors over."""
    body = folder.read_json(name)
    files = body["weight_map"].values() if isinstance(body["weight_map"], dict) else []
    if not files or not all(isinstance(file, str) and "/" not in file and file not in ("", "..") for file in files):
        raise ValueError(f"{body.where}: expected weight_map to name the files beside it; the file is damaged")
    return tuple(sorted(set(files)))
