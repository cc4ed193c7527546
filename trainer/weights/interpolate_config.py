"""The options of ``trainer interpolate``. Imports nothing that is slow."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import OptionGroup
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class InterpolateConfig(OptionGroup):
    """Make one model of two of the same geometry: a pretrained and its fine-tuned (WiSE-FT, arXiv 2109.01903)."""

    from_: NotIdentity[Annotated[str, tyro.conf.arg(name="from", metavar="PATH")]]
    """A training, or a model of transformers or open_clip: the pretrained."""
    to: NotIdentity[Annotated[str, tyro.conf.arg(metavar="PATH")]]
    """Another with the same geometry and tokenizer: the fine-tuned."""
    alpha: float = 0.5
    """Weights become (1 - alpha) * from + alpha * to (WiSE-FT, section 3: 0.5 where nothing says better)."""
    output: NotIdentity[Annotated[str, tyro.conf.arg(metavar="DIR")]]
    """Where the model goes; evaluation and --init-from take this folder."""

    def _check(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha must be from 0 to 1, found {self.alpha!r}")
