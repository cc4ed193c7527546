"""The options of ``trainer evaluate labels``. Imports nothing that is slow."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.run_options import NotIdentity
from trainer.evaluate.embedded.options import FeatureOptions


@dataclass(frozen=True, kw_only=True)
class LabelsConfig(FeatureOptions):
    """Measure how a label set's extra labels move predictions between groups of images (CLIP, section 7.1)."""

    images: NotIdentity[Annotated[str, tyro.conf.arg(metavar="FILE.csv")]]
    """A CSV with a column path, relative to its own folder, and the column of groups."""
    group: Annotated[str, tyro.conf.arg(metavar="COLUMN")]
    """The column of groups, for example age or race. Rows without a value are a group of their own."""
    labels: NotIdentity[Annotated[str, tyro.conf.arg(metavar="FILE")]]
    """The labels that an image may get, one per line: neither the watched nor the added ones, which have files of their
    own. NAME|NAME are several names of one label."""
    watched: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="FILE")]] = None
    """Labels that an image may get besides, and whose rate is measured, as `animal`, `thief`, `criminal` in the paper.
    By default the rate of the added labels alone is measured."""
    added: NotIdentity[Annotated[str, tyro.conf.arg(metavar="FILE")]]
    """Labels that are added in the second measurement, as `child` in the paper."""
    templates: NotIdentity[Annotated[str, tyro.conf.arg(metavar="NAME|FILE")]]
    """A set of this project (general, pets, food, ...), or a file of prompts, one per line, with {} for the label."""
