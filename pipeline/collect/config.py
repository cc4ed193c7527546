"""The options of `pipeline collect`: of the input, the filters, matching, and its own."""

from dataclasses import dataclass

from pipeline.filter.config import FilterOptions
from pipeline.match.config import MatchOptions
from pipeline.sources.config import SourceOptions


@dataclass(frozen=True, kw_only=True)
class CollectOptions(FilterOptions, MatchOptions, SourceOptions):
    """What decides which pairs become candidates."""

    max_caption_bytes: int = 10_000
    """Longer captions are rejections (bytes of UTF-8)."""

    max_rejected_fraction: float = 0.5
    """The job fails when more than this part of the records is broken: then the input is not what it was taken for."""

    def __post_init__(self) -> None:
        if not 1 <= self.max_caption_bytes <= 1 << 20:
            raise ValueError(f"max_caption_bytes must be in 1 .. {1 << 20}, found {self.max_caption_bytes!r}")
        if not 0 <= self.max_rejected_fraction <= 1:
            raise ValueError(f"max_rejected_fraction must be in 0 .. 1, found {self.max_rejected_fraction!r}")


@dataclass(frozen=True, kw_only=True)
class CollectConfig(CollectOptions):
    """Collect candidate pairs: read, match against the queries, remove exact duplicates."""

    output: str
    """Folder for the candidates: absent, or an unfinished run of the same command."""
