"""The options of `pipeline filter`."""

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from pipeline.runners.config import RunnerOptions
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class FilterConfig(RunnerOptions):
    """Choose pairs by the features of `trainer embed`: fitting texts, no near-duplicates, no images of evaluations."""

    embeddings: NotIdentity[Annotated[str, tyro.conf.arg(metavar="DIR")]]
    """Features of the shards: what `trainer embed --shards` made."""

    output: NotIdentity[Annotated[str, tyro.conf.arg(metavar="DIR")]]
    """Folder for what is to be removed, and why: absent, or an unfinished run of the same command."""

    min_similarity: float | None = None
    """Remove pairs whose image and text have a cosine below it (LAION-5B, arXiv 2210.08402, section 3: 0.28 for
    English, 0.26 for other languages, with ViT-B/32; other models have other cosines: look at the histogram)."""

    keep_fraction: float | None = None
    """In place of --min-similarity: keep this part of the pairs, the most similar (DataComp, arXiv 2304.14108:
    0.3 with ViT-L/14)."""

    without_features: Literal["keep", "drop"] = "keep"
    """What becomes of samples whose image could not be embedded, and with --min-similarity or --keep-fraction of those
    without a caption."""

    near_duplicate_similarity: float | None = None
    """Remove images that have a cosine of this or more with another, of which one stays: that with the more fitting
    text, else the first (SemDeDup, arXiv 2303.09540). Begin with 0.95 and look at near_duplicates.parquet."""

    evaluation: NotIdentity[Annotated[tuple[str, ...], tyro.conf.arg(metavar="DIR [DIR ...]")]] = ()
    """Features of evaluation sets' images, by the same model: what `trainer embed --images` made."""

    evaluation_similarity: float | None = None
    """Remove images that have a cosine of this or more with an image of --evaluation."""

    def _check(self) -> None:
        names = ("min_similarity", "near_duplicate_similarity", "evaluation_similarity")
        for name in names:
            value = getattr(self, name)
            if value is not None and not -1 <= value <= 1:
                raise ValueError(f"{name} is a cosine, from -1 to 1, found {value!r}")
        if self.keep_fraction is not None and not 0 < self.keep_fraction <= 1:
            raise ValueError(f"keep_fraction must be above 0 and at most 1, found {self.keep_fraction!r}")
        if self.min_similarity is not None and self.keep_fraction is not None:
            raise ValueError("expected --min-similarity or --keep-fraction, found both")
        if bool(self.evaluation) != (self.evaluation_similarity is not None):
            raise ValueError("--evaluation and --evaluation-similarity go together, found one of them")
        if self.keep_fraction is None and all(getattr(self, name) is None for name in names):
            raise ValueError(
                "expected what to filter by: --min-similarity, --keep-fraction, --near-duplicate-similarity or "
                "--evaluation"
            )

    @property
    def by_text(self) -> bool:
        """Whether pairs are removed by how their image and text fit."""
        return self.min_similarity is not None or self.keep_fraction is not None
