"""``trainer.load``: a path in, a model with its preprocessing and its tokenizer out."""

import os
from typing import NamedTuple

import torch

from trainer.options.loading import LoadingOptions
from trainer.step.precision import HALF, autocast_dtype
from trainer.tokenizer import CaptionTokenizer
from trainer.use.frozen_clip import FrozenCLIP, made_frozen
from trainer.use.preprocess import Preprocess
from trainer.weights.read_model import ReadModel, read_model

PRECISIONS = ("auto", "float32", *HALF)


class Loaded(NamedTuple):
    """What encodes a picture and a text."""

    model: FrozenCLIP
    preprocess: Preprocess
    tokenizer: CaptionTokenizer


def load(
    path: str | os.PathLike[str],
    *,
    device: str | torch.device = "auto",
    precision: str = "auto",
    averaged: bool = False,
    model: str | None = None,
    option: str = "path",
) -> Loaded:
    """Return the model at `path`, which is anything that ``--init-from`` takes; `trainer.load` says the rest.

    `option` is what messages call the path.
    """
    where = find_device(device)
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, found {precision!r}")
    autocast = autocast_dtype(precision, where)
    return frozen(read_model(os.fspath(path), option, averaged=averaged, model=model), where, autocast)


def load_chosen(options: LoadingOptions) -> Loaded:
    """Return the model that a command's options choose. Raises as `load`."""
    return load(
        options.checkpoint, device=options.device, precision=options.precision, averaged=options.weights == "ema",
        model=options.model, option="--checkpoint",
    )  # fmt: skip


def frozen(read: ReadModel, device: torch.device, autocast: torch.dtype | None) -> Loaded:
    """Return a model that was read, on its device."""
    made = made_frozen(read.geometry, read.tensors, read.tokenizer, device, autocast)
    return Loaded(made, Preprocess(read.geometry.image.image_px), read.tokenizer)


def find_device(device: str | torch.device) -> torch.device:
    """Return a device of this machine; ``auto`` is the first GPU where there is one. Raises ValueError for others."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"device must be auto, cpu or one that torch has here, found {str(device)!r}: {reason}"
        ) from None
    return found
