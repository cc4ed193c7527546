"""A data set as rows with classes: a folder of images a class, a list of paths, or Parquet of ``trainer embed``.

Shapes: N rows, E embedding.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from schemas.existing_paths import is_dir, is_file
from schemas.side_files import is_side_file
from trainer.evaluate.class_names import ClassNames, name_key
from trainer.evaluate.embedded.feature_files import (
    feature_parts,
    is_feature_path,
    read_features,
    read_labels,
    read_matrix,
)
from trainer.evaluate.embedded.feature_sources import check_layer, check_model, check_together, feature_source
from trainer.evaluate.embedded.image_features import image_features
from trainer.evaluate.embedded.options import FeatureOptions, Layer
from trainer.evaluate.embedded.several_labels import images_of_labels, label_sets
from trainer.evaluate.inputs import find_images
from trainer.evaluate.labelled.labelled import Labelled
from trainer.evaluate.labelled.path_list import is_list, labels_of_list
from trainer.evaluate.labelled.several_labels import ImagesOfLabels
from trainer.presets import ResNetConfig
from trainer.telling.skipped import tell_skipped
from trainer.use.frozen_clip import FrozenCLIP
from trainer.use.load import Loaded, load_chosen


@dataclass(frozen=True)
class LabelledFeatures:
    """The rows of a data set."""

    features_NE: torch.Tensor
    """float32, on the CPU."""
    labels_N: np.ndarray
    """Numbers of classes; of images with several labels the marks ``[N, K]`` of `LabelSets.marks`."""
    skipped: int
    """Images that do not decode."""
    digest: str
    """SHA-256 of what was read: of a listing with sizes, or of features and classes."""


class Reader:
    """Reads data sets for a command; loads its model once, and only if images or prompts ask for it."""

    def __init__(
        self,
        options: FeatureOptions,
        given: Sequence[tuple[str, str]] = (),
        layer: Layer = "embedding",
        *,
        has_prompts: bool = True,
    ) -> None:
        """Look at the data sets `given` as (option, path): their features stand beside each other's, and prompts'.

        Raises ValueError that names the option for features of two models or widths, and for an unfinished output of
        ``trainer embed``; those of another model than ``--checkpoint`` are told when that is loaded.
        """
        self._options = options
        self._loaded: Loaded | None = None
        self._layer = layer
        self._sources = [
            feature_source(path, option, feature_parts(path)) for option, path in given if is_feature_path(path)
        ]
        check_together(self._sources)
        self._meets_model = has_prompts or len(self._sources) < len(given)
        torch.set_num_threads(options.threads)

    @property
    def loaded(self) -> Loaded:
        """The command's model. Raises ValueError where none was given, and for features that are not of it."""
        if not self._options.checkpoint:
            raise ValueError("--checkpoint: images and prompts need a model; give one, or features in Parquet")
        if self._loaded is None:
            self._loaded = load_chosen(self._options)
            model: FrozenCLIP = self._loaded.model
            if any(source.model is not None for source in self._sources):
                check_model(self._sources, model.fingerprint)
            if self._meets_model:
                check_layer(self._sources, _width(model, self._layer), self._layer)
        return self._loaded

    @property
    def fingerprint(self) -> str:
        """Of the model; empty where none was used."""
        return self._loaded.model.fingerprint if self._loaded is not None else ""

    def read(self, path: str, option: str, classes: Sequence[str], layer: Layer) -> LabelledFeatures:
        """Return the rows of the classes' images. Raises ValueError or FileNotFoundError that names `option`."""
        if is_feature_path(path):
            features_NE, names = read_features(path, option)
            labels_N = _numbers(names, classes, path, option)
            digest = hashlib.sha256(features_NE.tobytes() + json.dumps(names).encode()).hexdigest()
            return LabelledFeatures(torch.from_numpy(features_NE), labels_N, 0, digest)
        check_classes(path, option, classes)
        images = find_images(path, ClassNames.of(classes), option)
        return self._embed(images, np.array(images.labels, dtype=np.int64), path, option, layer)

    def read_several(
        self, path: str, option: str, classes: Sequence[str], layer: Layer, separator: str | None
    ) -> LabelledFeatures:
        """Return the rows of images with several labels each. Raises as `read` does."""
        labels_NK = label_sets(path, option, separator).marks(classes, f"{option}: {path}")
        if is_feature_path(path):
            features_NE = read_matrix(path, option)
            told = json.dumps([list(labels_NK.shape), list(classes)]).encode()
            digest = hashlib.sha256(features_NE.tobytes() + labels_NK.tobytes() + told).hexdigest()
            return LabelledFeatures(torch.from_numpy(features_NE), labels_NK, 0, digest)
        return self._embed(images_of_labels(path, option, separator), labels_NK, path, option, layer)

    def _embed(
        self, images: Labelled | ImagesOfLabels, labels: np.ndarray, path: str, option: str, layer: Layer
    ) -> LabelledFeatures:
        sizes = [list(pair) for pair in zip(images.names, images.sizes, strict=True)]
        model: FrozenCLIP = self.loaded.model
        found = image_features(
            model, images.names, images.read, layer, batch_size=self._options.batch_size, threads=self._options.threads
        )
        tell_skipped(found.skipped)
        if not len(found.places_N):
            raise ValueError(f"{option}: none of the {len(images.names)} images of {path} decodes")
        told = json.dumps(sizes).encode() + (labels.tobytes() if labels.ndim == 2 else b"")
        digest = hashlib.sha256(told).hexdigest()
        return LabelledFeatures(found.features_NE, labels[found.places_N], len(found.skipped), digest)


def _width(model: FrozenCLIP, layer: Layer) -> int:
    image = model.config.image
    if layer == "embedding":
        return model.config.embed_dim
    return image.pool_width if isinstance(image, ResNetConfig) else image.width


def class_folders(path: str, option: str) -> list[str]:
    """Return the classes of a data set, sorted: its folders, or what its features' rows are labelled with."""
    if is_feature_path(path):
        return sorted(set(read_labels(path, option)))
    if is_list(path) and is_file(path):
        return labels_of_list(path, f"{option}: {path}")
    if path.endswith(".parquet"):
        raise ValueError(
            f"{option}: {path} holds pictures: expected features of `trainer embed`, or lists of names as labels"
        )
    if not is_dir(path):
        raise FileNotFoundError(f"{option}: no such folder {path!r}")
    found = sorted(entry.name for entry in Path(path).iterdir() if entry.is_dir() and not is_side_file(entry.name))
    if not found:
        raise FileNotFoundError(f"{option}: {path} has no folder of images; expected one for each class")
    return found


def check_classes(path: str, option: str, classes: Sequence[str]) -> None:
    """Raise ValueError that names `option` for a data set with a class that is not known."""
    _numbers(class_folders(path, option), classes, path, option)


def _numbers(names: Sequence[str], classes: Sequence[str], path: str, option: str) -> np.ndarray:
    numbers = {name_key(name): number for number, name in enumerate(classes)}
    for name in names:
        if name_key(name) not in numbers:
            raise ValueError(f"{option}: class {name!r} of {path} is none of the {len(classes)} classes known")
    return np.array([numbers[name_key(name)] for name in names], dtype=np.int64)
