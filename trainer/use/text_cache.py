"""Features of classes on disk, by what makes them: the model's fingerprint, precision, templates, names.

A file is a SHA-256 and the float32 values that it is of. It appears whole (a rename), so processes may share the
folder; one that is damaged is made again. A class takes 2 KiB at 512 channels; nothing is deleted.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch

from schemas.cache_home import cache_home
from trainer.evaluate.class_names import ClassNames
from trainer.evaluate.classify import embed_classes
from trainer.tokenizer import CaptionTokenizer
from trainer.use.frozen_clip import FrozenCLIP
from trainer.use.kept_file import keep, kept

VERSION = 1
"""Of how features are made of a model and texts: with another all are made again."""


def cached_classes(
    model: FrozenCLIP,
    tokenizer: CaptionTokenizer,
    classes: ClassNames,
    templates: list[str],
    *,
    batch_size: int,
    cache_dir: str | None = None,
) -> torch.Tensor:
    """Return what `embed_classes` does, ``[K, E]`` on the model's device; made once.

    A folder that cannot be read or written costs the time alone.
    """
    folder = Path(cache_dir) if cache_dir is not None else cache_home() / "text_features"
    asked = [VERSION, model.fingerprint, model.precision, templates, classes.names]
    path = folder / f"{hashlib.sha256(json.dumps(asked).encode()).hexdigest()}.f32"
    shape = (len(classes), model.config.embed_dim)
    found_KE = _read(path, shape)
    if found_KE is None:
        found_KE = embed_classes(model, tokenizer, classes, templates, batch_size).cpu()
        keep(path, found_KE.numpy().astype("<f4").tobytes())
    return found_KE.to(model.device)


def _read(path: Path, shape: tuple[int, int]) -> torch.Tensor | None:
    values = kept(path)
    if values is None or len(values) != 4 * shape[0] * shape[1]:
        return None
    return torch.from_numpy(np.frombuffer(values, dtype="<f4").astype(np.float32).reshape(shape))
