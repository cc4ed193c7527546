"""The options of ``trainer build-index`` and ``trainer search``. Imports nothing that is slow."""

import os
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from schemas.option_group import OptionGroup, check_at_least
from trainer.options.loading import LoadingOptions

MAX_FOUND = 1_000


@dataclass(frozen=True, kw_only=True)
class BuildIndexConfig(OptionGroup):
    """Make an index of features, for search."""

    features: Annotated[str, tyro.conf.arg(metavar="DIR")]
    """The output of `trainer embed`."""
    output: Annotated[str, tyro.conf.arg(metavar="DIR")]
    """Where the index goes, on this machine: absent, or begun by the same command, which then begins again."""
    of: Literal["auto", "images", "texts"] = "auto"
    """Which features are searched: auto takes the images' where there are some."""
    kind: Literal["auto", "exact", "approximate"] = "auto"
    """exact finds the nearest for certain; approximate (usearch's HNSW graph, extra `search`) is faster beyond
    millions of vectors and misses some. auto is exact up to 10 million."""
    threads: int = max(1, os.cpu_count() or 1)
    """Threads that make an approximate index; with 1 the same features give the same bytes."""

    def _check(self) -> None:
        check_at_least(self, {"threads": 1})


@dataclass(frozen=True, kw_only=True)
class SearchConfig(LoadingOptions):
    """Find images or texts by a text or an image."""

    text: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="TEXT")] = None
    """What is looked for, as "a red car"."""
    index: Annotated[str, tyro.conf.arg(metavar="DIR")]
    """The output of `trainer build-index`, of features of the same model."""
    image: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Look for what is like this image."""
    num: int = 10
    """How many are found, at most 1,000."""
    json: bool = False
    """Print JSON."""
    serve: bool = False
    """Show a page at 127.0.0.1, for this machine alone, until Ctrl-C (extra `search-page`)."""
    port: int = 8080
    """Of the page; 0 takes a free one."""
    threads: int = max(1, os.cpu_count() or 1)
    """Threads that search and compute."""

    def _check(self) -> None:
        check_at_least(self, {"num": 1, "threads": 1, "port": 0})
        if self.num > MAX_FOUND or self.port > 65_535:
            raise ValueError(f"num must be at most {MAX_FOUND} and port 65535, found {self.num} and {self.port}")
        asked = (self.text is not None) + (self.image is not None) + self.serve
        if asked != 1:
            raise ValueError(
                'expected one of "TEXT", --image FILE and --serve; for example: trainer search "a red car"'
            )
        if self.text is not None and not self.text.strip():
            raise ValueError("expected a text that is not empty")
