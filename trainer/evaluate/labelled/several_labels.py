"""Images with several labels each: a CSV or TSV of paths, or Parquet of pictures, in; images and their labels out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.existing_paths import is_file, read_bytes
from trainer.evaluate.labelled.columns import IMAGE_COLUMNS, LABEL_COLUMNS, find_column
from trainer.evaluate.labelled.label_sets import DIFFICULT_COLUMN, LabelSets, label_lists, split_cells
from trainer.evaluate.labelled.parquet_rows import RowGroups, open_parquet
from trainer.evaluate.labelled.path_list import PATH_COLUMNS, read_texts


@dataclass(frozen=True)
class ImagesOfLabels:
    """The images of a data set with the labels of each."""

    names: list[str]
    labels: LabelSets
    passed_over: int
    """Rows without a path."""
    read: Callable[[int], bytes] = field(compare=False, repr=False)
    """The bytes of an image by its place; from any thread. Raises OSError."""
    sizes: list[int] = field(compare=False, repr=False)
    """Bytes of each image, or of the file that it lies in."""


def images_of_cells(path: str, option: str, separator: str) -> ImagesOfLabels:
    """Return the images of a list whose cells hold labels with `separator` between; an empty cell is of no label.

    Raises FileNotFoundError, or ValueError that names the file and the column, or a path that is there twice.
    """
    where = f"{option}: {path}"
    if not is_file(path):
        raise FileNotFoundError(f"{option}: no such file {path!r}")
    table = read_texts(path, where)
    path_name = find_column(table.column_names, PATH_COLUMNS, "path", where)
    kept = table.filter(pc.is_valid(table[path_name]))
    paths: list[Any] = kept[path_name].to_pylist()
    if not paths:
        raise FileNotFoundError(f"{where} has no row with a path")
    _check_once(kept[path_name], where)
    label_name = find_column(table.column_names, LABEL_COLUMNS, "label", where)
    columns = [label_name, DIFFICULT_COLUMN] if DIFFICULT_COLUMN in table.column_names else [label_name]
    files = [Path(path).parent / name for name in paths]
    sizes = [file.stat().st_size if is_file(file) else -1 for file in files]
    labels = LabelSets(*(split_cells(kept[name], separator) for name in columns))
    return ImagesOfLabels(paths, labels, len(table) - len(kept), lambda place: read_bytes(files[place]), sizes)


def images_of_lists(files: Sequence[Path], option: str) -> ImagesOfLabels:
    """Return the pictures of Parquet files whose labels are lists of names.

    Raises ValueError that names the file and the column, or the row of a label without a name.
    """
    names, places, sizes, images = [], [], [], []
    parts: list[list[pa.ListArray]] = []
    for number, path in enumerate(files):
        where, file = f"{option}: {path}", open_parquet(path, option)
        have = file.schema_arrow.names
        images.append(find_column(have, IMAGE_COLUMNS, "bytes", where))
        columns = [find_column(have, LABEL_COLUMNS, "label", where), *({DIFFICULT_COLUMN} & set(have))]
        table = file.read(columns)
        parts.append([label_lists(table[name], where) for name in columns])
        rows = [(g, r) for g in range(file.num_row_groups) for r in range(file.metadata.row_group(g).num_rows)]
        names += [f"{path.name}:{group}:{row}" for group, row in rows]
        places += [(number, group, row) for group, row in rows]
        sizes += [path.stat().st_size] * len(rows)
    if len({len(part) for part in parts}) > 1:
        raise ValueError(f"{option}: expected a column {DIFFICULT_COLUMN!r} in all Parquet files or in none")
    labels = LabelSets(*(pa.concat_arrays(column) for column in zip(*parts, strict=True)))
    groups = RowGroups(files, images, option)
    return ImagesOfLabels(names, labels, 0, lambda place: groups.read(*places[place]), sizes)


def _check_once(paths: pa.ChunkedArray, where: str) -> None:
    counts: Any = pc.value_counts(paths)
    most = pc.max(counts.field("counts")).as_py()
    if most > 1:
        name = counts.field("values")[counts.field("counts").index(most).as_py()].as_py()
        raise ValueError(f"{where}: path {name!a} stands in {most} rows; give all labels of an image in one row")
