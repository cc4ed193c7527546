"""What is asked of an image in training: what is in it, what is known to be absent, and classes drawn at random.

Shapes: B images, Q queries of the image with most, K classes, U classes of all images of a batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class QuerySets:
    """The queries of a batch."""

    classes_U: npt.NDArray[np.int64]
    """Ascending: each class that is asked of any image."""
    places_BQ: npt.NDArray[np.int64]
    """Which of them is asked; 0 where an image has fewer."""
    asked_BQ: npt.NDArray[np.bool_]
    labels: list[npt.NDArray[np.int64]]
    """Of each image's objects: its place among the Q queries."""


def draw_queries(
    rng: np.random.Generator,
    present: Sequence[int],
    absent: Sequence[int],
    unsure: Sequence[int],
    num_classes: int,
    num_negatives: int,
) -> npt.NDArray[np.int64]:
    """Return the classes asked of an image: those present, ascending, then at least `num_negatives` others.

    First all that are known to be absent, then pseudo-negatives: others at random, which the image may hold unlabelled
    (OWL-ViT, section 3.2). None of those of which objects may lack a box.
    """
    asked = np.unique(np.asarray(present, dtype=np.int64))
    negatives = np.setdiff1d(np.asarray(absent, dtype=np.int64), asked)
    lacking = num_negatives - len(negatives)
    if lacking > 0:
        barred = np.zeros(num_classes, dtype=bool)
        for known in (asked, negatives, np.asarray(unsure, dtype=np.int64)):
            barred[known] = True
        others = np.flatnonzero(~barred)
        negatives = np.concatenate([negatives, rng.permutation(others)[:lacking]])
    return np.concatenate([asked, negatives])


def join_queries(asked: Sequence[npt.NDArray[np.int64]], labels: Sequence[npt.NDArray[np.int64]]) -> QuerySets:
    """Return the queries of a batch; `asked` are each image's classes (`draw_queries`), `labels` its objects'."""
    classes_U = np.unique(np.concatenate(asked)) if asked else np.empty(0, dtype=np.int64)
    most = max(map(len, asked), default=0)
    places_BQ = np.zeros((len(asked), most), dtype=np.int64)
    asked_BQ = np.zeros((len(asked), most), dtype=bool)
    own = []
    for row, (classes, of_objects) in enumerate(zip(asked, labels, strict=True)):
        places_BQ[row, : len(classes)] = np.searchsorted(classes_U, classes)
        asked_BQ[row, : len(classes)] = True
        own.append(np.searchsorted(classes[: len(np.unique(of_objects))], of_objects))
    return QuerySets(classes_U, places_BQ, asked_BQ, own)
