"""The labels of images that may have several each: lists of names in, for each image and label whether it holds out.

Shapes: N images, K labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.arrow_types import value_type
from trainer.evaluate.class_names import name_key

DIFFICULT_COLUMN = "difficult"
"""Of labels that are neither right nor wrong of an image: VOC's 0 in the lists of a class."""
HOLDS, HOLDS_NOT, DIFFICULT = 1, 0, -1


@dataclass(frozen=True)
class LabelSets:
    """Lists of names, a list an image; one without a name is an image of no label."""

    holding: pa.ListArray
    difficult: pa.ListArray | None = None
    """What is neither right nor wrong; a name that also holds does hold."""

    def __len__(self) -> int:
        return len(self.holding)

    @property
    def names(self) -> list[str]:
        """The labels that hold for an image, sorted; of those that look the same the first."""
        found: list[Any] = pc.unique(self.holding.flatten()).to_pylist()
        return sorted({name_key(name): name for name in sorted(found, reverse=True)}.values())

    def marks(self, classes: Sequence[str], where: str) -> np.ndarray:
        """Return ``[N, K]`` int8: `HOLDS`, `HOLDS_NOT` or `DIFFICULT`.

        Raises ValueError that begins with `where` for a name that is none of the classes.
        """
        marks_NK = np.full((len(self), len(classes)), HOLDS_NOT, dtype=np.int8)
        if self.difficult is not None:
            marks_NK[_places(self.difficult, classes, where)] = DIFFICULT
        marks_NK[_places(self.holding, classes, where)] = HOLDS
        return marks_NK


def label_lists(column: pa.ChunkedArray | pa.Array, where: str) -> pa.ListArray:
    """Return a column of lists of names, null for no names. Raises ValueError for what is none, with its row."""
    whole: Any = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not is_list_of_names(whole.type):
        raise ValueError(f"{where}: expected a list of names for each row, found {whole.type}")
    lists = whole.cast(pa.list_(pa.string())).fill_null([]) if whole.null_count else whole.cast(pa.list_(pa.string()))
    names = lists.flatten()
    wrong = pc.fill_null(pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(names)), 0), True)
    if pc.any(wrong).as_py():
        row = int(_rows(lists)[wrong.index(True).as_py()])
        raise ValueError(f"{where}, row {row}: a label without a name; leave it out of the list")
    return lists


def is_list_of_names(kind: pa.DataType) -> bool:
    """Tell whether a column's type is a list of texts."""
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return False
    of = value_type(kind)
    return pa.types.is_string(of) or pa.types.is_large_string(of)


def split_cells(cells: pa.ChunkedArray, separator: str) -> pa.ListArray:
    """Return the names between separators of each cell, without spaces around and empty ones; null is none."""
    whole: Any = pc.fill_null(cells, "").combine_chunks()
    lists: Any = pc.split_pattern(whole, separator)
    names: Any = pc.utf8_trim_whitespace(lists.flatten())
    is_kept = pc.not_equal(names, "")
    counts = np.bincount(_rows(lists)[is_kept.to_numpy(zero_copy_only=False)], minlength=len(lists))
    offsets: Any = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, names.filter(is_kept))


def _rows(lists: pa.ListArray) -> np.ndarray:
    """Return which row each of the flattened names is of."""
    return np.repeat(np.arange(len(lists)), pc.list_value_length(lists).to_numpy(zero_copy_only=False))


def _places(lists: pa.ListArray, classes: Sequence[str], where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (row, class) of each name."""
    coded: Any = lists.flatten().dictionary_encode()
    known = {name_key(name): number for number, name in enumerate(classes)}
    numbers = np.array([known.get(name_key(name), -1) for name in coded.dictionary.to_pylist()], dtype=np.int64)
    found = numbers[coded.indices.to_numpy()] if len(coded) else np.empty(0, dtype=np.int64)
    rows = _rows(lists)
    if (found < 0).any():
        at = int(np.argmax(found < 0))
        raise ValueError(
            f"{where}: label {coded[at].as_py()!a} of row {rows[at]} is none of the {len(classes)} labels known: those "
            "that hold for a training example; leave it out"
        )
    return rows, found
