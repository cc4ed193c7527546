"""The options of ``trainer detect run``. Imports nothing that is slow."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import OptionGroup, check_at_least


@dataclass(frozen=True, kw_only=True)
class DetectRunConfig(OptionGroup):
    """Find what texts or a picture ask for in images: boxes as JSON, and drawn."""

    checkpoint: Annotated[str, tyro.conf.arg(metavar="DIR")]
    """Output of trainer detect train, or one of its checkpoints."""
    images: Annotated[tuple[str, ...], tyro.conf.arg(metavar="PATH")]
    """Image files, and folders of them (looked through to the bottom)."""
    queries: Annotated[str | None, tyro.conf.arg(metavar="TEXT")] = None
    """What is looked for: names, separated by commas."""
    queries_file: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """The same, one per line: for names with commas, and many."""
    query_image: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """A picture of what is looked for, in place of texts."""
    query_box: Annotated[tuple[float, float, float, float] | None, tyro.conf.arg(metavar="L T W H")] = None
    """Where in it: left, top, width, height in pixels; by default it fills the picture."""
    templates: Annotated[str | None, tyro.conf.arg(metavar="NAME|FILE")] = None
    """Prompts: a file, one per line, with {} for the name, or a set, as of `trainer evaluate zero-shot`;
    a query is the mean of all (OWL-ViT, A1.4). By default seven."""
    output: Annotated[str, tyro.conf.arg(metavar="DIR")]
    """Where detections.json and pictures/ go."""
    least_score: float = 0.3
    """Less sure boxes are not told; 0 .. 1."""
    most_iou: float = 0.5
    """Of two boxes of a query that overlap more than this the surer one stays (non-maximum suppression)."""
    most: int = 100
    """Boxes of an image; the surest."""
    draw: bool = True
    """Draw the boxes on each image."""
    batch_size: int = 8
    """Images per forward pass: decoded, they are in memory together."""
    device: str = "auto"
    """auto takes a GPU where there is one; cpu, cuda, cuda:1."""
    threads: int = 2
    """Threads that decode, and on a CPU compute."""

    def _check(self) -> None:
        check_at_least(self, {"most": 1, "batch_size": 1, "threads": 1})
        for name in ("least_score", "most_iou"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, found {getattr(self, name)!r}")
        given = [name for name in ("queries", "queries_file", "query_image") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give one of queries, queries_file and query_image, found {' and '.join(given) or 'none'}"
            )
        if self.query_box is not None and self.query_image is None:
            raise ValueError("query_box takes query_image")
        if self.query_box is not None and not (min(self.query_box) >= 0 and min(self.query_box[2:]) > 0):
            raise ValueError(f"query_box must be left, top, width and height, none negative, found {self.query_box!r}")
