"""A file of features in; of each row how image and text fit, and the image of an evaluation that it is like, out.

Shapes: N rows, E embedding.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.similarity.cosine import Features, cosines, features
from pipeline.similarity.evaluation import NO_IMAGE, most_similar
from pipeline.similarity.inputs import FeatureFile, images_of, texts_of
from schemas.arrow_types import schema_of

MEASURED = schema_of(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("similarity", pa.float64()),
        pa.field("evaluation_row", pa.int64()),
        pa.field("evaluation_similarity", pa.float64()),
    ]
)
"""A row a row of features, in their order: the cosine of image and text, null without a text; of an image like one of
an evaluation its row among all of theirs, else null."""

BIN = 0.01
NUM_BINS = round(2 / BIN)


def measured(table: pa.Table, file: FeatureFile, evaluation: Features | None, threshold: float) -> pa.Table:
    """Return `MEASURED` of a table of `file`. Raises ValueError for features that are none, as `images_of` does."""
    images = features(images_of(table, file))
    similarity = pa.nulls(len(table), pa.float64())
    if file.has_texts:
        texts_NE, has_text_N = texts_of(table, file)
        rows = np.arange(len(table))
        values = cosines(images, rows, features(np.where(has_text_N[:, None], texts_NE, images.half_NE)), rows)
        similarity = pa.array(values, mask=~has_text_N)
    row = value = None
    if evaluation is not None:
        row, value = most_similar(images, evaluation, threshold)
    none = np.ones(len(table), dtype=bool) if row is None else row == NO_IMAGE
    return pa.Table.from_arrays(
        [
            table["id"],
            similarity,
            pa.array(np.zeros(len(table), dtype=np.int64) if row is None else row, mask=none),
            pa.array(np.zeros(len(table)) if value is None else value, mask=none),
        ],
        schema=MEASURED,
    )


def values_of_pairs(table: pa.Table) -> npt.NDArray[np.float64]:
    """Return the similarities of the rows of `MEASURED` that have one."""
    return np.asarray(table["similarity"].drop_null().to_numpy())


def histogram(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return how many similarities are in each of `NUM_BINS` steps of `BIN` from -1 to 1."""
    places = np.floor((values + 1) / BIN).astype(np.int64)
    return np.bincount(np.clip(places, 0, NUM_BINS - 1), minlength=NUM_BINS)
