"""Tars in WebDataset's layout: a picture, and its class as ``.cls`` or in ``.json``."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schemas.tar_samples import TarSample
from trainer.evaluate.labelled.columns import LABEL_COLUMNS
from trainer.evaluate.labelled.labelled import Dataset, Labelled, class_numbers
from trainer.evaluate.tar_pictures import pictures_of_tars

_LABEL_SUFFIXES = (".cls", ".json")
_MAX_LABEL_BYTES = 1 << 16


def images_of_tars(dataset: Dataset, tars: Sequence[Path]) -> Labelled:
    """Return the pictures of tars, in order; samples without a picture or a label are passed over.

    Raises ValueError that names a damaged tar.
    """
    found = pictures_of_tars(tars, _LABEL_SUFFIXES, _MAX_LABEL_BYTES, _label, lambda path: f"{dataset.option}: {path}")
    if not found.names:
        raise FileNotFoundError(
            f"{dataset.where} has no sample with a picture and a label ({found.passed_over} others); expected KEY.jpg "
            f"beside KEY.cls, or KEY.json with one of {', '.join(LABEL_COLUMNS)}"
        )
    return Labelled(found.names, class_numbers(found.told, dataset), found.passed_over, found.read, found.sizes)


def _label(sample: TarSample) -> Any:
    """Return what a sample says of its class; None where it says nothing that can be read."""
    try:
        if ".cls" in sample.texts:
            return sample.texts[".cls"].decode().strip() or None
        body = json.loads(sample.texts[".json"])
        return next((body[name] for name in LABEL_COLUMNS if isinstance(body.get(name), str | int)), None)
    except (KeyError, ValueError, AttributeError, RecursionError):
        return None
