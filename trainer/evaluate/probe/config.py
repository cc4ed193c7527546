"""The options of ``trainer evaluate probe`` and ``few-shot``. Imports nothing that is slow."""

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from schemas.option_group import check_at_least
from schemas.run_options import NotIdentity
from trainer.evaluate.embedded.options import FeatureOptions, Layer, PromptOptions

MeasureName = Literal["accuracy", "mean-per-class", "top-1-and-5", "11-point-map", "roc-auc"]


@dataclass(frozen=True, kw_only=True)
class ProbeConfig(FeatureOptions):
    """Train a linear classifier on the image encoder's features, by the paper's protocol (CLIP, appendix A.3)."""

    train: NotIdentity[Annotated[str, tyro.conf.arg(metavar="PATH")]]
    """A folder with a folder of images per class, a .csv of paths and labels, or Parquet of `trainer embed`: training
    examples. Several labels an image: a list of names as `label` in Parquet, or --label-separator."""
    test: NotIdentity[Annotated[str, tyro.conf.arg(metavar="PATH")]]
    """The same of test examples."""
    validation: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="PATH")]] = None
    """The same of examples that C is chosen by. By default a part of each class's training examples, drawn."""
    validation_share: float = 0.2
    """How large that part is."""
    label_separator: str | None = None
    """What stands between several labels of an image in a .csv; by default an image has one."""
    allow_common: bool = False
    """Go on where two of the three have examples in common; they are told."""
    layer: Layer = "before-projection"
    """Which features of images: before the last linear map, as in the paper, or the embedding, of length one."""
    measure: MeasureName = "accuracy"
    """The data set's own: mean-per-class for Aircraft, Pets, Caltech-101 and Flowers, 11-point-map for VOC2007 (the one
    for several labels an image), roc-auc for Hateful Memes, top-1-and-5 for Kinetics (CLIP, table 9)."""
    max_iterations: int = 1000
    """Of L-BFGS, for each C (CLIP, appendix A.3)."""
    dtype: Literal["float32", "float64"] = "float32"
    """What the classifier is computed in."""
    seed: int = 0
    """Of the drawn validation examples."""

    def _check(self) -> None:
        check_at_least(self, {"max_iterations": 1, "seed": 0})
        if self.label_separator == "":
            raise ValueError("label_separator must be a text between labels, found ''")
        if not 0 < self.validation_share < 1:
            raise ValueError(f"validation_share must be between 0 and 1, found {self.validation_share!r}")


@dataclass(frozen=True, kw_only=True)
class FewShotConfig(PromptOptions, FeatureOptions):
    """Compare classifiers of a few examples a class with zero-shot classification (CLIP, section 3.1.5, figure 6)."""

    train: NotIdentity[Annotated[str, tyro.conf.arg(metavar="PATH")]]
    """A folder with a folder of images per class, a .csv of paths and labels, or Parquet of `trainer embed`: where
    examples are drawn."""
    test: NotIdentity[Annotated[str, tyro.conf.arg(metavar="PATH")]]
    """The same of test examples."""
    shots: tuple[int, ...] = (1, 2, 4, 8, 16)
    """Examples a class."""
    seeds: int = 3
    """Draws of examples: the curves are their means."""
    strength: float = 0.316
    """C of the logistic regression, on features of length one: the example in CLIP's README."""
    allow_common: bool = False
    """Go on where both have examples in common; they are told."""

    def _check(self) -> None:
        check_at_least(self, {"seeds": 1})
        if not self.shots or min(self.shots) < 1 or list(self.shots) != sorted(set(self.shots)):
            raise ValueError(f"shots must be ascending numbers from 1, found {self.shots!r}")
        if not self.strength > 0:
            raise ValueError(f"strength must be above 0, found {self.strength!r}")
