"""Options of the commands that measure features. Imports nothing that is slow."""

import os
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from schemas.option_group import OptionGroup, check_at_least
from schemas.run_options import NotIdentity
from trainer.options.loading import LoadingOptions

THREADS = max(1, os.cpu_count() or 1)

Layer = Literal["before-projection", "embedding"]


@dataclass(frozen=True, kw_only=True)
class FeatureOptions(LoadingOptions):
    """How features come about, and where results go."""

    checkpoint: NotIdentity[Annotated[str, tyro.conf.arg(metavar="PATH")]] = ""
    """A model: the output of a training, one of its checkpoints, or weights of others, by path or URL. Not needed where
    all features come from files."""
    output: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="DIR")]] = None
    """Where results.json, tables and plots go; printed only by default."""
    batch_size: NotIdentity[int] = 256
    """Images or prompts per forward pass."""
    threads: NotIdentity[int] = THREADS
    """Threads that decode and compute."""

    def _check(self) -> None:
        check_at_least(self, {"batch_size": 1, "threads": 1})


@dataclass(frozen=True, kw_only=True)
class PromptOptions(OptionGroup):
    """What the classes are called in zero-shot classification."""

    classes: NotIdentity[Annotated[str, tyro.conf.arg(metavar="FILE")]]
    """Class names, one per line."""
    templates: NotIdentity[Annotated[str, tyro.conf.arg(metavar="NAME|FILE")]]
    """A set of this project (general, pets, food, ...), or a file of prompts, one per line, with {} for the class."""
