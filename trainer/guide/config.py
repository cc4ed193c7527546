"""The options of ``trainer guide``. Imports nothing that is slow."""

import os
from dataclasses import dataclass
from math import isfinite
from typing import Annotated

import tyro

from schemas.option_group import check_at_least
from trainer.options.loading import LoadingOptions

THREADS = max(1, os.cpu_count() or 1)
MAX_STROKES, MAX_SIZE = 4_096, 4_096


@dataclass(frozen=True, kw_only=True)
class GuideConfig(LoadingOptions):
    """Draw what a text asks for, by the gradient of the similarity (CLIPDraw, arXiv 2106.14843)."""

    text: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="TEXT")]
    """What is drawn, as "a red boat"."""
    output: Annotated[str, tyro.conf.arg(metavar="FILE.svg")]
    """Where the drawing goes; it must not exist yet."""
    png: Annotated[str | None, tyro.conf.arg(metavar="FILE.png")] = None
    """The same as pixels."""
    away: Annotated[tuple[str, ...], tyro.conf.arg(metavar="TEXT [TEXT ...]")] = ()
    """Texts that the drawing is led away from, as "words on paper"."""
    away_weight: float = 0.3
    """Weight of each of these beside the text's 1 (CLIPDraw: 0.3)."""
    strokes: int = 64
    """Curves, each with its width, colour and opacity (CLIPDraw: 256)."""
    steps: int = 250
    """Steps of Adam (CLIPDraw: 250 to 1,000)."""
    views: int = 8
    """Random crops in perspective that each step looks at (CLIPDraw: 8): without them the drawing fools the model."""
    size: int = 448
    """Side of the drawing in pixels; while it is drawn it has the model's."""
    seed: int = 0
    """Of the first strokes and of the views."""
    threads: int = THREADS
    """Threads that compute; on a CPU the same number, options and model give the same bytes."""

    def _check(self) -> None:
        check_at_least(self, {"strokes": 1, "steps": 1, "views": 1, "size": 16, "threads": 1})
        check_at_least(self, {"away_weight": 0, "seed": 0})
        for name, most in (("strokes", MAX_STROKES), ("size", MAX_SIZE)):
            if getattr(self, name) > most:
                raise ValueError(f"{name} must be at most {most}, found {getattr(self, name)}")
        if not isfinite(self.away_weight):
            raise ValueError(f"away_weight must be a finite number, found {self.away_weight!r}")
        if not all(text.strip() for text in (self.text, *self.away)):
            raise ValueError("expected texts that are not empty")
        for name, suffix in (("output", ".svg"), ("png", ".png")):
            path = getattr(self, name)
            if path is not None and not path.lower().endswith(suffix):
                raise ValueError(f"{name} must be a file that ends in {suffix}, found {path!r}")
