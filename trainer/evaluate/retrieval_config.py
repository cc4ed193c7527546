"""The options of ``trainer evaluate retrieval``. Imports nothing that is slow."""

import os
from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import check_at_least
from trainer.options.loading import LoadingOptions


@dataclass(frozen=True, kw_only=True)
class RetrievalConfig(LoadingOptions):
    """Find each image's captions among all, and each caption's image."""

    pairs: Annotated[str, tyro.conf.arg(metavar="PATH")]
    """A folder of shards (tars, all captions of their samples), or a .csv or .tsv with columns path and caption, one
    row a caption."""
    image_dir: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None
    """For a .csv or .tsv: where its paths are below; by default its own folder."""
    max_images: int | None = None
    """Only the first images, with all their captions."""
    output: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None
    """Where results.json goes; printed only by default."""
    temporary_dir: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None
    """Where features lie meanwhile: 4 GB for a million pairs of 512 values; by default the system's folder."""
    batch_size: int = 256
    """Images or captions per forward pass."""
    threads: int = max(1, os.cpu_count() or 1)
    """Threads that decode and compute."""

    def _check(self) -> None:
        check_at_least(self, {"batch_size": 1, "threads": 1, "max_images": 2})
