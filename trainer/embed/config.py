"""The options of ``trainer embed``. Imports nothing that is slow."""

import os
import re
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from schemas.option_group import check_at_least
from trainer.options.loading import LoadingOptions

_SHARE = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,5})")


@dataclass(frozen=True, kw_only=True)
class EmbedConfig(LoadingOptions):
    """Embed the images of a folder, the lines of a text, or the pairs in shards."""

    images: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None
    """A folder of images, folders in it included; a row's id is its path there."""
    texts: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Texts, one per line, UTF-8; a row's id is its line number."""
    shards: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None
    """Shards of `pipeline download`, or any WebDataset tars: image and first caption of each sample, by its key."""
    output: Annotated[str, tyro.conf.arg(metavar="DIR")]
    """Where the features go: absent, or begun by the same command, which then goes on."""
    of: Literal["both", "images", "texts"] = "both"
    """What of shards is embedded."""
    dtype: Literal["float16", "float32"] = "float16"
    """Of the numbers in the files."""
    part_rows: int = 16_384
    """Rows of a file, about: what a killed run computes again at most, and what is held in memory at a time."""
    batch_size: int = 64
    """Images or texts per forward pass."""
    threads: int | None = None
    """Threads that decode and compute, of each process; all of this machine by default, shared by --num-workers."""
    num_workers: int = 0
    """So many tasks of Ray, each with its share of the files, and a GPU where there are some: on the cluster that
    RAY_ADDRESS names, else on this machine. 0: this process alone."""
    part: Annotated[str, tyro.conf.arg(metavar="I/N")] = "1/1"
    """This process's share of the files, for N processes with one output: 1/4, 2/4, 3/4 and 4/4; each may be run again.
    Whoever finds all files made finishes the folder."""

    def _check(self) -> None:
        check_at_least(self, {"batch_size": 1, "threads": 1, "part_rows": 1, "num_workers": 0})
        given = [name for name in ("images", "texts", "shards") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected one of --images, --texts and --shards, found {' and '.join(given) or 'none'}")
        if self.of != "both" and self.shards is None:
            raise ValueError(f"--of {self.of} is for --shards; {given[0]} are embedded as what they are")
        share = _SHARE.fullmatch(self.part)
        if not share or int(share[1]) > int(share[2]):
            raise ValueError(f"part must be I/N with I from 1 to N, as 1/4, found {self.part!r}")

        if self.num_workers and self.share != (0, 1):
            raise ValueError(f"--num-workers {self.num_workers} shares the files out by itself: leave --part away")

    @property
    def num_threads(self) -> int:
        """Of each process."""
        return self.threads or max(1, (os.cpu_count() or 1) // max(1, self.num_workers))

    @property
    def share(self) -> tuple[int, int]:
        """Number from 0 of this process, and the number of processes."""
        number, of = self.part.split("/")
        return int(number) - 1, int(of)
