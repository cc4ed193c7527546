"""Whether the images of a data set have several labels each, and which: what tells it is the type of its column."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from trainer.evaluate.embedded.feature_files import (
    LABEL_COLUMN,
    feature_parts,
    has_pictures_alone,
    is_feature_path,
    read_label_sets,
)
from trainer.evaluate.labelled.columns import LABEL_COLUMNS
from trainer.evaluate.labelled.label_sets import LabelSets, is_list_of_names
from trainer.evaluate.labelled.path_list import is_list
from trainer.evaluate.labelled.several_labels import ImagesOfLabels, images_of_cells, images_of_lists


def has_several_labels(path: str, separator: str | None) -> bool:
    """Tell whether labels are lists: of a list of paths where a separator is given, of Parquet by the column's type."""
    if is_list(path):
        return separator is not None
    parts = feature_parts(path)
    try:
        schema = pq.read_schema(parts[0]) if parts else pa.schema([])
    except (pa.ArrowInvalid, OSError):
        return False  # told when it is read
    names = LABEL_COLUMNS if parts and has_pictures_alone(parts[0]) else (LABEL_COLUMN,)
    return any(is_list_of_names(field.type) for field in schema if field.name.strip().lower() in names)


def label_sets(path: str, option: str, separator: str | None) -> LabelSets:
    """Return the labels of each image; pictures and features are not read. Raises ValueError, FileNotFoundError."""
    if is_feature_path(path):
        return read_label_sets(path, option)
    return images_of_labels(path, option, separator).labels


def images_of_labels(path: str, option: str, separator: str | None) -> ImagesOfLabels:
    """Return the images of a list of paths or of Parquet, to be read. Raises ValueError, FileNotFoundError."""
    if is_list(path):
        assert separator is not None, "what tells that there are several labels"
        return images_of_cells(path, option, separator)
    return images_of_lists([Path(part) for part in feature_parts(path)], option)
