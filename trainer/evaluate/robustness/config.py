"""The options of ``trainer evaluate robustness``. Imports nothing that is slow."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.run_options import NotIdentity
from trainer.evaluate.embedded.options import FeatureOptions, PromptOptions


@dataclass(frozen=True, kw_only=True)
class RobustnessConfig(PromptOptions, FeatureOptions):
    """Measure zero-shot accuracy on test sets of the same classes, and effective robustness (CLIP, section 3.3)."""

    reference: NotIdentity[Annotated[str, tyro.conf.arg(metavar="PATH")]]
    """The test set that the others are compared with: a folder with a folder of images per class, or Parquet of
    `trainer embed`. For ImageNet's shifts it is ImageNet's validation set."""
    shifted: NotIdentity[Annotated[tuple[str, ...], tyro.conf.arg(metavar="PATH ...")]]
    """Others of the same classes, or of some of them; they are called as their folders."""
    baseline: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="FILE.csv")]] = None
    """Accuracies of standard models, which are fitted: columns dataset, reference, shifted (0 to 1); others are passed
    over. reference is on the images of the classes that the shifted set has. Without it there is no effective
    robustness."""

    def _check(self) -> None:
        if not self.shifted:
            raise ValueError("shifted must name one test set or more, found none")
