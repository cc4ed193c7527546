"""Features of videos on disk, by what makes them: the file's bytes, the model, the sampling, FFmpeg's version.

A file is a SHA-256 and the safetensors that it is of. It appears whole (a rename), so processes may share the folder;
one that is damaged is made again. Nothing is deleted.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from schemas.cache_home import cache_home
from schemas.stream_digest import sha256_of
from trainer.use.frozen_clip import FrozenCLIP
from trainer.use.kept_file import keep, kept
from trainer.video.features import Sampling, VideoFeatures

VERSION = 1
"""Of how features are made of a video and a model: with another all are made again."""


def file_sha256(path: str) -> str:
    """Return the digest of a file's bytes, in hex; about a second a gigabyte."""
    with open(path, "rb") as file:
        return sha256_of(file)[0]


class FeatureCache:
    """A folder of features made by one model."""

    def __init__(self, model: FrozenCLIP, sampling: Sampling, cache_dir: str | None = None) -> None:
        from av import library_versions

        self._folder = Path(cache_dir) if cache_dir is not None else cache_home() / "video_features"
        self._made_by = [VERSION, model.fingerprint, model.precision, asdict(sampling), list(library_versions.items())]

    def get(self, sha256: str, make: Callable[[], VideoFeatures]) -> VideoFeatures:
        """Return the features of the video of this digest, which `make` makes once.

        A folder that cannot be read or written costs the time alone.
        """
        asked = json.dumps([*self._made_by, sha256]).encode()
        path = self._folder / f"{hashlib.sha256(asked).hexdigest()}.features"
        found = _read(path)
        if found is None:
            found = make()
            keep(path, _packed(found))
        return found


def _packed(features: VideoFeatures) -> bytes:
    return safetensors.numpy.save({name: np.asarray(value) for name, value in vars(features).items()})


def _read(path: Path) -> VideoFeatures | None:
    packed = kept(path)
    if packed is None:
        return None
    try:
        arrays = safetensors.numpy.load(packed)
        scalars = {name: value.item() for name, value in arrays.items() if value.ndim == 0}
        return VideoFeatures(**{**arrays, **scalars})
    except (SafetensorError, TypeError):  # of another version of this file, under a name of ours
        return None
