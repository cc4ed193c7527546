"""Which classes are taken for which: numbers of classes in, the cells of the confusion matrix that are not zero out."""

import numpy as np
import pyarrow as pa

from schemas.arrow_types import schema_of

CONFUSION = schema_of(
    [
        pa.field("label", pa.string(), nullable=False),
        pa.field("predicted", pa.string(), nullable=False),
        pa.field("images", pa.int64(), nullable=False),
    ]
)
"""A row per cell: label and prediction are equal on the diagonal."""


def confusion_table(labels_N: np.ndarray, predicted_N: np.ndarray, titles: list[str]) -> pa.Table:
    """Return the cells in the order of the classes; never more than there are images."""
    cells, counts = np.unique(labels_N * len(titles) + predicted_N, return_counts=True)
    names = pa.array(titles, pa.string())
    columns = [names.take(pa.array(cells // len(titles))), names.take(pa.array(cells % len(titles))), pa.array(counts)]
    return pa.Table.from_arrays(columns, schema=CONFUSION)


def most_confused(table: pa.Table, num: int) -> list[dict[str, object]]:
    """Return the `num` cells beside the diagonal with most images, the first of equals first."""
    wrong = [row for row in table.to_pylist() if row["label"] != row["predicted"]]
    return sorted(wrong, key=lambda row: -row["images"])[:num]
