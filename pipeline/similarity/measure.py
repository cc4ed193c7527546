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
    row_N, value_N = np.full(len(table), NO_IMAGE, dtype=np.int64), np.zeros(len(table))
    if evaluation is not None:
        row_N, value_N = most_similar(images, evaluation, threshold)
    similarity = _similarities(table, file, images)
    matches = [pa.array(column, mask=row_N == NO_IMAGE) for column in (row_N, value_N)]
    return pa.Table.from_arrays([table["id"], similarity, *matches], schema=MEASURED)


def _similarities(table: pa.Table, file: FeatureFile, images: Features) -> pa.Array:
    """Return of each row the cosine of image and text, null without a text."""
    if not file.has_texts:
        return pa.nulls(len(table), pa.float64())
    texts_NE, has_text_N = texts_of(table, file)
    rows = np.flatnonzero(has_text_N)
    found_N = np.zeros(len(table))
    found_N[rows] = cosines(images, rows, features(texts_NE), rows)
    return pa.array(found_N, mask=~has_text_N)


def values_of_pairs(table: pa.Table) -> npt.NDArray[np.float64]:
    """Return the similarities of the rows of `MEASURED` that have one."""
    return np.asarray(table["similarity"].drop_null().to_numpy())


def histogram(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return how many similarities are in each of `NUM_BINS` steps of `BIN` from -1 to 1."""
    places = np.floor((values + 1) / BIN).astype(np.int64)
    return np.bincount(np.clip(places, 0, NUM_BINS - 1), minlength=NUM_BINS)
