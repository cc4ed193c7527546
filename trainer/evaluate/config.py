"""The options of ``trainer evaluate zero-shot``. Imports nothing that is slow."""

import os
from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import check_at_least
from trainer.options.loading import LoadingOptions


@dataclass(frozen=True, kw_only=True)
class ZeroShotConfig(LoadingOptions):
    """Classify the images of a folder by class names alone."""

    dataset: Annotated[str, tyro.conf.arg(metavar="PATH")]
    """Labelled images: a folder with a folder of images (jpg, png, webp, gif, bmp, tif, avif) per class; a .csv or .tsv
    with columns path and label; .parquet files with columns image (bytes) and label; tars with KEY.jpg and KEY.cls or
    KEY.json. Labels are class names, spaces or underscores, or numbers of lines of --classes from 0 on."""
    classes: Annotated[str, tyro.conf.arg(metavar="FILE")]
    """Class names, one per line: all that may be predicted, also those without images. NAME|NAME for several names,
    FOLDER<TAB>NAME where images are labelled otherwise."""
    templates: Annotated[str, tyro.conf.arg(metavar="NAME|FILE")] = "general"
    """A set of this project (general: 80 prompts; actions, aircraft, birds, cars, digits, flowers, food, medical, pets,
    satellite, scenes, signs, textures), or a file of prompts, one per line, with {} for the class name."""
    output: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None
    """Where results.json, predictions.parquet, confusion.parquet and worst_classes.png go; printed only by default."""
    batch_size: int = 256
    """Images or prompts per forward pass."""
    threads: int = max(1, os.cpu_count() or 1)
    """Threads that decode and compute."""

    def _check(self) -> None:
        check_at_least(self, {"batch_size": 1, "threads": 1})
