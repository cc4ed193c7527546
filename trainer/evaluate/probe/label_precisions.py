"""What a probe of several labels an image tells of each label: scores and marks in, a table and the worst out.

Shapes: N rows, K labels; marks are 1 (holds), 0, or -1 (difficult: does not count).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trainer.evaluate.embedded.chart import csv_table
from trainer.evaluate.probe.measures import eleven_point_precisions

COLUMNS = ("label", "images", "difficult", "11-point-ap")
NUM_TOLD = 5


def check_labels(marks_NK: np.ndarray, classes: Sequence[str], where: str) -> None:
    """Raise ValueError for the first label that training images do not have both with and without."""
    with_K, without_K = (marks_NK > 0).sum(axis=0), (marks_NK == 0).sum(axis=0)
    for name, num_with, num_without in zip(classes, with_K.tolist(), without_K.tolist(), strict=True):
        if not num_with or not num_without:
            raise ValueError(
                f"{where}: expected training images with label {name!a} and without it, found {num_with} and "
                f"{num_without} that are not for validation; add some, or leave the label out"
            )


def label_rows(scores_NK: np.ndarray, marks_NK: np.ndarray, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Return a row for each label; its precision is None where no image has it."""
    found_K = eleven_point_precisions(scores_NK, marks_NK).tolist()
    held_K, difficult_K = (marks_NK > 0).sum(axis=0).tolist(), (marks_NK < 0).sum(axis=0).tolist()
    values = [None if np.isnan(value) else value for value in found_K]
    return [dict(zip(COLUMNS, row, strict=True)) for row in zip(classes, held_K, difficult_K, values, strict=True)]


def label_table(rows: Sequence[dict[str, Any]]) -> bytes:
    """Return the rows as CSV."""
    return csv_table(COLUMNS, [tuple("" if value is None else value for value in row.values()) for row in rows])


def worst_line(rows: Sequence[dict[str, Any]]) -> str:
    """Return a line of the labels with the least precision, the first of equals, and how many have no images."""
    measured = sorted((row for row in rows if row["11-point-ap"] is not None), key=lambda row: row["11-point-ap"])
    told = ", ".join(f"{row['label']} {row['11-point-ap']:.1%} ({row['images']:,})" for row in measured[:NUM_TOLD])
    absent = len(rows) - len(measured)
    return f"worst labels (test images): {told}" + (f"; {absent} without test images" if absent else "")
