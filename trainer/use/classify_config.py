"""The options of ``trainer classify``. Imports nothing that is slow."""

import os
from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import check_at_least
from trainer.options.loading import LoadingOptions


@dataclass(frozen=True, kw_only=True)
class ClassifyConfig(LoadingOptions):
    """Tell which of some labels a picture is of."""

    images: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGE [IMAGE ...]")]
    """Picture files: jpg, png, webp, gif, bmp, tif, avif."""
    labels: Annotated[str, tyro.conf.arg(metavar="A,B,...|FILE")]
    """Labels with commas between them, or a file of one per line, where commas are part of the label. NAME|NAME are
    several names of one label."""
    templates: Annotated[str | None, tyro.conf.arg(metavar="NAME|FILE")] = None
    """Prompts around the labels, averaged: a set of this project (general: 80 prompts), or a file, one per line, with
    {} for the label. By default a label is the prompt as it is."""
    top: int = 5
    """Labels that are shown of each picture, the most likely first."""
    json: bool = False
    """A JSON object per picture and line, with all labels."""
    cache_dir: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None
    """Where text features are kept; by default below $XDG_CACHE_HOME, or ~/.cache. It may be deleted at any time."""
    batch_size: int = 64
    """Pictures or prompts per forward pass."""
    threads: int = max(1, os.cpu_count() or 1)
    """Threads that decode and compute."""

    def _check(self) -> None:
        check_at_least(self, {"top": 1, "batch_size": 1, "threads": 1})
        if not self.images:
            raise ValueError("expected at least one IMAGE, found none")
