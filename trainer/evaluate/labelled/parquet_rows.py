"""Parquet files of images and labels, as Hugging Face's datasets are published: bytes, or a struct with `bytes`.

Labels are held, pictures are read row group by row group: at most `GROUPS_HELD` row groups are in memory.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trainer.evaluate.class_names import ClassNames, name_key
from trainer.evaluate.labelled.columns import IMAGE_COLUMNS, LABEL_COLUMNS, find_column
from trainer.evaluate.labelled.labelled import Dataset, Labelled, class_numbers

GROUPS_HELD = 2
"""One that is read, and the next, since threads read ahead of one another."""


def images_of_parquet(dataset: Dataset, files: Sequence[Path]) -> Labelled:
    """Return the images of Parquet files, row by row; rows without a label or a picture are passed over.

    Raises ValueError that names the file for one without such columns.
    """
    names: list[str] = []
    labels: list[Any] = []
    places: list[tuple[int, int, int]] = []
    sizes: list[int] = []
    images = [""] * len(files)
    num_rows = 0
    for number, path in enumerate(files):
        file = open_parquet(path, dataset.option)
        label_name = find_column(file.schema_arrow.names, LABEL_COLUMNS, "label", f"{dataset.option}: {path}")
        images[number] = find_column(file.schema_arrow.names, IMAGE_COLUMNS, "bytes", f"{dataset.option}: {path}")
        titles = _titles(file.schema_arrow, label_name, dataset.classes)
        num_rows += file.metadata.num_rows
        for group in range(file.num_row_groups):
            column = file.read_row_group(group, columns=[label_name]).column(0).to_pylist()
            for row, label in enumerate(column):
                if label is not None and (not titles or label in range(len(titles))):  # -1 is no label there
                    names.append(f"{path.name}:{group}:{row}")
                    labels.append(titles[label] if titles else label)
                    places.append((number, group, row))
        sizes += [path.stat().st_size] * (len(names) - len(sizes))
    if not names:
        raise FileNotFoundError(f"{dataset.where} has no row with a label")
    groups = RowGroups(files, images, dataset.option)
    numbers = class_numbers(labels, dataset)
    return Labelled(names, numbers, num_rows - len(names), lambda place: groups.read(*places[place]), sizes)


def open_parquet(path: Path, option: str) -> pq.ParquetFile:
    """Open a file. Raises ValueError that names it for what is no Parquet."""
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{option}: {path}: expected a Parquet file, {str(error).splitlines()[0]}") from error


def _titles(schema: pa.Schema, label_name: str, classes: ClassNames) -> list[str]:
    """Return the names of numbered labels that `datasets` writes beside them, where all of them are classes."""
    try:
        body = json.loads((schema.metadata or {})[b"huggingface"])
        titles = body["info"]["features"][label_name]["names"]
        known = classes.numbers
        return titles if all(name_key(title) in known for title in titles) else []
    except (KeyError, TypeError, ValueError, AttributeError):
        return []


class RowGroups:
    """Pictures of row groups, the latest of which are held; for several threads."""

    def __init__(self, files: Sequence[Path], columns: Sequence[str], option: str) -> None:
        self._files, self._columns, self._option = files, columns, option
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[int, int], pa.ChunkedArray] = OrderedDict()

    def read(self, file: int, group: int, row: int) -> bytes:
        """Return a picture's bytes, none where the row has no picture."""
        with self._lock:
            found = self._held.get((file, group))
            if found is None:
                column = self._columns[file]
                found = open_parquet(self._files[file], self._option).read_row_group(group, columns=[column]).column(0)
                self._held[file, group] = found
                if len(self._held) > GROUPS_HELD:
                    self._held.popitem(last=False)
        value = found[row].as_py()
        if isinstance(value, dict):
            value = value.get("bytes")
        return value if isinstance(value, bytes) else b""
