"""Boxes that were found and boxes that are there, in; average precision as COCO measures it, out.

For each class, of all images' detections by falling score: one is right where it overlaps a box of its image that none
before it took. The precision at a recall is the best at that recall or above; its mean over 101 recalls is the average
precision. Shapes: D detections and G boxes of one image and class, n detections of a class, T thresholds, R recalls.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Of the IoU; COCO's primary measure is the mean over all."""
RECALLS = np.linspace(0, 1, 101)
_NONE = 1e-10
"""A threshold is met by an IoU that is below it by rounding alone."""

Floats = npt.NDArray[np.float64]


@dataclass
class _ClassTally:
    scores: list[Floats] = field(default_factory=list)
    right: list[npt.NDArray[np.bool_]] = field(default_factory=list)
    """``[T, D]`` each."""
    counts: list[npt.NDArray[np.bool_]] = field(default_factory=list)
    """``[T, D]`` each: whether it counts, or was of a crowd."""
    num_boxes: int = 0


class AveragePrecision:
    """Adds up images; `per_class` tells."""

    def __init__(self, num_classes: int) -> None:
        self._tallies = [_ClassTally() for _ in range(num_classes)]

    def add(
        self,
        found_D4: Floats,
        scores_D: Floats,
        labels_D: npt.NDArray[np.int64],
        boxes_G4: Floats,
        box_labels_G: npt.NDArray[np.int64],
        is_crowd_G: npt.NDArray[np.bool_],
        judged: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Take an image: detections, and what is there, boxes by corners. Only classes `judged` (by default all) count.

        A crowd's box takes any number of detections, which are neither right nor wrong.
        """
        for label in np.union1d(labels_D, box_labels_G).tolist():
            if judged is not None and not judged[label]:
                continue
            tally = self._tallies[label]
            own = np.flatnonzero(labels_D == label)
            own = own[np.argsort(-scores_D[own], kind="stable")]
            there = box_labels_G == label
            crowds, boxes = boxes_G4[there & is_crowd_G], boxes_G4[there & ~is_crowd_G]
            tally.num_boxes += len(boxes)
            if len(own):
                right, counts = _judge(found_D4[own], boxes, crowds)
                tally.scores.append(scores_D[own])
                tally.right.append(right)
                tally.counts.append(counts)

    def per_class(self) -> Floats:
        """Return ``[K, T]``; nan for a class without boxes, as COCO leaves it out of the mean."""
        return np.stack([_average(tally) for tally in self._tallies]).reshape(-1, len(THRESHOLDS))


def mean_precision(per_class_KT: Floats, classes: Sequence[int] | None = None) -> tuple[float, float]:
    """Return (at IoU 0.5, mean over all thresholds) of `classes`, by default all, that have boxes; nan without any."""
    chosen = per_class_KT if classes is None else per_class_KT[list(classes)]
    chosen = chosen[~np.isnan(chosen).any(axis=1)]
    return (float(chosen[:, 0].mean()), float(chosen.mean())) if len(chosen) else (float("nan"), float("nan"))


def _overlap(found_D4: Floats, boxes_G4: Floats, *, of_found: bool) -> Floats:
    """Return ``[D, G]``: IoU, or with `of_found`, as COCO has it of crowds, the part of each detection inside."""
    low = np.maximum(found_D4[:, None, :2], boxes_G4[None, :, :2])
    high = np.minimum(found_D4[:, None, 2:], boxes_G4[None, :, 2:])
    shared_DG = (high - low).clip(min=0).prod(axis=-1)
    found_D1 = (found_D4[:, 2:] - found_D4[:, :2]).prod(axis=1)[:, None]
    whole_DG = found_D1 if of_found else found_D1 + (boxes_G4[:, 2:] - boxes_G4[:, :2]).prod(axis=1) - shared_DG
    return np.divide(
        shared_DG, whole_DG, out=np.zeros_like(shared_DG), where=np.broadcast_to(whole_DG, shared_DG.shape) > 0
    )


def _judge(
    found_D4: Floats, boxes_G4: Floats, crowds_G4: Floats
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which detections, the surest first, are right, and which count, ``[T, D]`` each."""
    right_TD = np.zeros((len(THRESHOLDS), len(found_D4)), dtype=bool)
    if len(boxes_G4):
        overlap_DG = _overlap(found_D4, boxes_G4, of_found=False)
        is_free_TG = np.ones((len(THRESHOLDS), len(boxes_G4)), dtype=bool)
        rows = np.arange(len(THRESHOLDS))
        for place in np.flatnonzero(overlap_DG.max(axis=1) >= THRESHOLDS[0] - _NONE).tolist():
            free_TG = np.where(is_free_TG, overlap_DG[place], -1.0)
            best_T = free_TG.shape[1] - 1 - free_TG[:, ::-1].argmax(axis=1)  # of equal ones the last, as COCO's loop
            taken_T = free_TG[rows, best_T] >= THRESHOLDS - _NONE
            is_free_TG[rows[taken_T], best_T[taken_T]] = False
            right_TD[:, place] = taken_T
    counts_TD = np.ones_like(right_TD)
    if len(crowds_G4):
        in_crowd_D = _overlap(found_D4, crowds_G4, of_found=True).max(axis=1)
        counts_TD = right_TD | (in_crowd_D < THRESHOLDS[:, None] - _NONE)
    return right_TD, counts_TD


def _average(tally: _ClassTally) -> Floats:
    """Return ``[T]``."""
    if not tally.num_boxes:
        return np.full(len(THRESHOLDS), np.nan)
    if not tally.scores:
        return np.zeros(len(THRESHOLDS))
    order_n = np.argsort(-np.concatenate(tally.scores), kind="stable")
    right_Tn = np.concatenate(tally.right, axis=1)[:, order_n]
    counts_Tn = np.concatenate(tally.counts, axis=1)[:, order_n]
    num_right_Tn = (right_Tn & counts_Tn).cumsum(axis=1)
    num_Tn = counts_Tn.cumsum(axis=1)
    precision_Tn = num_right_Tn / np.maximum(num_Tn, 1)
    best_Tn = np.maximum.accumulate(precision_Tn[:, ::-1], axis=1)[:, ::-1]
    found = np.zeros(len(THRESHOLDS))
    for row, (best_n, recall_n) in enumerate(zip(best_Tn, num_right_Tn / tally.num_boxes, strict=True)):
        at_R = np.searchsorted(recall_n, RECALLS, side="left")
        found[row] = np.append(best_n, 0.0)[at_R].mean()
    return found
