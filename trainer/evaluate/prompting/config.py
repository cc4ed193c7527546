"""The options of ``trainer prompts``. Imports nothing that is slow."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import check_at_least
from schemas.run_options import NotIdentity
from trainer.evaluate.embedded.options import FeatureOptions, PromptOptions


@dataclass(frozen=True, kw_only=True)
class PromptsConfig(PromptOptions, FeatureOptions):
    """Measure what each template adds to zero-shot accuracy, alone and in ensembles (CLIP, section 3.1.4)."""

    dataset: NotIdentity[Annotated[str, tyro.conf.arg(metavar="PATH")]]
    """A folder with a folder of images per class, or Parquet of `trainer embed`."""
    max_ensemble: int = 8
    """Templates that the greedy ensemble may have."""
    seed: int = 0
    """Of the half of each class's images that the ensemble is chosen on; it is measured on the others."""

    def _check(self) -> None:
        check_at_least(self, {"max_ensemble": 1, "seed": 0})
