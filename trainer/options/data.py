"""What is read: shards, order of the samples, which of them take part."""

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from schemas.option_group import OptionGroup, check_at_least
from schemas.run_options import NotIdentity

MAX_SEED = 2**63 - 1
"""Draws are made of signed numbers of 64 bits."""


@dataclass(frozen=True, kw_only=True)
class DataOptions(OptionGroup):
    """What is read: shards, order of the samples, which of them take part."""

    shards: NotIdentity[Annotated[tuple[str, ...], tyro.conf.arg(metavar="DIR [DIR ...]")]]
    """Folders of shards: made by `pipeline download`, or any WebDataset tars with images and captions. Without weights
    they are one set."""
    weights: Annotated[tuple[float, ...], tyro.conf.arg(metavar="[W ...]")] = ()
    """Upsampling factors, one for each folder: a sample of a folder with 2 is seen twice as often as of one with 1."""
    captions: Annotated[tuple[str, ...], tyro.conf.arg(metavar="RULE [RULE ...]")] = ("random",)
    """Which caption of its sample a row takes: first, random (of k each once in k epochs), or members of the samples'
    json with their weights (caption=1,synthetic=2); one rule for all folders or one for each."""
    balance: Literal["none", "online"] = "none"
    """online: each epoch has the samples that are drawn for it, by their queries' counts in the shards (MetaCLIP's
    rule); the shards are those of `pipeline download`. epochs then counts the samples that one is expected to have."""
    cap: int | None = None
    """For online balancing: a sample that a query of at most so many captions matches is in every epoch; a query of n
    captions, more than these, keeps cap / n of its samples (MetaCLIP: 20,000)."""
    seed: int = 0
    """Decides first weights, order of samples, choice of captions, crops, draws of samples."""
    shuffle_pool: int = 1 << 20
    """Samples that are mixed with one another; a set that fits is shuffled as a whole. Where shards come over the
    network these, about 28 KB each, are held on the workers' local disks."""
    resize: Literal["short-side", "stored"] = "short-side"
    """short-side: images are resized so that their short side is the model's, then cropped (CLIP paper 2.5); stored:
    crops are cut of the images as they are stored, which costs less where they were stored a little larger."""

    def _check(self) -> None:
        if not self.shards:
            raise ValueError("shards must name at least one folder")
        check_at_least(self, {"seed": 0, "shuffle_pool": 1, "cap": 1})
        if self.seed > MAX_SEED:
            raise ValueError(f"seed must be at most {MAX_SEED}, found {self.seed!r}")
        if self.balance == "online" and self.cap is None:
            raise ValueError("balance online takes a cap, found none")
        if self.balance != "online" and self.cap is not None:
            raise ValueError(f"cap takes balance online, found {self.balance!r}")
        if self.weights and len(self.weights) != len(self.shards):
            raise ValueError(f"weights must be one for each of {len(self.shards)} folders, found {len(self.weights)}")
        if len(self.captions) not in (1, len(self.shards)):
            raise ValueError(
                f"captions must be one rule or one for each of {len(self.shards)} folders, found {len(self.captions)}"
            )
        for weight in self.weights:
            if not 1e-6 <= weight <= 1e6:
                raise ValueError(f"a weight must be in 0.000001 .. 1,000,000, found {weight!r}")
