"""The options of `pipeline collect`: of the input, the filters, matching, and its own."""

from dataclasses import dataclass
from typing import Literal

from pipeline.filter.config import FilterOptions
from pipeline.match.config import MatchOptions
from pipeline.runners.config import RunnerOptions
from pipeline.sources.config import SourceOptions
from schemas.option_group import OptionGroup
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class DuplicateOptions(OptionGroup):
    """What is the same image, and how often an image or a caption may stand among the candidates.

    Rows of equal pair_id (image and caption) are always made one.
    """

    drop_tracking_parameters: bool = False
    """URLs that differ in tracking parameters only (utm_*, fbclid, gclid, ...: schemas/tracking.py) name the same
    image: they enter neither image_id nor pair_id. The url that is stored stays as it is."""

    captions_per_image: int | Literal["all"] = "all"
    """Of the matched captions of one image keep all, or the first of this number by a hash of the pair_id."""

    captions_seed: int = 0
    """Another seed, other captions kept by --captions-per-image."""

    max_images_per_caption: int = 0
    """Captions that occur with more than this number of image URLs (boiler plate: "image", "logo") are left out, of
    all their images; 0: no limit. Counted over the matched pairs of the whole input."""

    def _check(self) -> None:
        if self.captions_per_image != "all" and not 1 <= self.captions_per_image <= 1_000:
            raise ValueError(f"captions_per_image must be all or in 1 .. 1,000, found {self.captions_per_image!r}")
        if not 0 <= self.captions_seed < 1 << 64:
            raise ValueError(f"captions_seed must be in 0 .. 2**64 - 1, found {self.captions_seed!r}")
        if not 0 <= self.max_images_per_caption <= 1_000_000:
            raise ValueError(f"max_images_per_caption must be in 0 .. 1,000,000, found {self.max_images_per_caption!r}")


@dataclass(frozen=True, kw_only=True)
class CollectOptions(DuplicateOptions, FilterOptions, MatchOptions, SourceOptions, RunnerOptions):
    """What decides which pairs become candidates."""

    max_caption_bytes: int = 10_000
    """Longer captions are rejections (bytes of UTF-8)."""

    max_rejected_fraction: NotIdentity[float] = 0.5
    """The job fails when more than this part of the records is broken: then the input is not what it was taken for."""

    def _check(self) -> None:
        if not 1 <= self.max_caption_bytes <= 1 << 20:
            raise ValueError(f"max_caption_bytes must be in 1 .. {1 << 20}, found {self.max_caption_bytes!r}")
        if not 0 <= self.max_rejected_fraction <= 1:
            raise ValueError(f"max_rejected_fraction must be in 0 .. 1, found {self.max_rejected_fraction!r}")


@dataclass(frozen=True, kw_only=True)
class CollectConfig(CollectOptions):
    """Collect candidate pairs: read, match against the queries, remove exact duplicates."""

    output: NotIdentity[str]
    """Folder for the candidates: absent, or an unfinished run of the same command."""
