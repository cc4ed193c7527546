"""The options of ``trainer detect evaluate``. Imports nothing that is slow."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import OptionGroup, check_at_least


@dataclass(frozen=True, kw_only=True)
class DetectEvaluateConfig(OptionGroup):
    """Measure a detector on annotated images: average precision, as COCO measures it, of each category by its name."""

    checkpoint: Annotated[str, tyro.conf.arg(metavar="DIR")]
    """Output of trainer detect train, or one of its checkpoints."""
    annotations: Annotated[str, tyro.conf.arg(metavar="FILE")]
    """Boxes and categories as COCO's JSON, or LVIS's."""
    images: Annotated[str, tyro.conf.arg(metavar="DIR")]
    """The folder that the file names of the annotations are relative to."""
    seen: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """The annotations of the training, or names one per line: means are told of those in it and not in it, too."""
    templates: Annotated[str | None, tyro.conf.arg(metavar="NAME|FILE")] = None
    """Prompts: a file, one per line, with {} for the name, or a set, as of `trainer evaluate zero-shot`;
    a query is the mean of all. By default seven."""
    output: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None
    """Where results.json goes, and detections.json as COCO's tools read results; printed only by default."""
    most_iou: float = 0.7
    """Of two boxes of a category that overlap more than this the surer one stays."""
    most: int = 100
    """Boxes of an image, the surest (COCO: 100, LVIS: 300)."""
    batch_size: int = 16
    """Images per forward pass."""
    device: str = "auto"
    """auto takes a GPU where there is one; cpu, cuda, cuda:1."""
    threads: int = 2
    """Threads that decode, and on a CPU compute."""

    def _check(self) -> None:
        check_at_least(self, {"most": 1, "batch_size": 1, "threads": 1})
        if not 0 <= self.most_iou <= 1:
            raise ValueError(f"most_iou must be from 0 to 1, found {self.most_iou!r}")
