"""A CSV or TSV of paths and labels; the paths are below its folder, or absolute."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from schemas.existing_paths import is_file, read_bytes
from trainer.evaluate.labelled.columns import IMAGE_COLUMNS, LABEL_COLUMNS, find_column
from trainer.evaluate.labelled.labelled import Dataset, Labelled, class_numbers

_QUOTED_CELL = r'^"(?:[^"]|"")*"$'
PATH_COLUMNS = ("path", "filepath", "file", "filename", "file_name", *IMAGE_COLUMNS)


def images_of_list(dataset: Dataset) -> Labelled:
    """Return the images that a list names, in its order; rows without a path or a label are passed over.

    Raises ValueError that names the file for one without such columns.
    """
    path, root = dataset.path, Path(dataset.path).parent
    table = read_texts(path, dataset.where)
    path_name = find_column(table.column_names, PATH_COLUMNS, "path", dataset.where)
    label_name = find_column(table.column_names, LABEL_COLUMNS, "label", dataset.where)
    kept = table.select([path_name, label_name]).drop_null()
    paths: list[Any] = kept.column(path_name).to_pylist()  # texts: rows without one are dropped
    if not paths:
        raise FileNotFoundError(f"{dataset.where} has no row with a path and a label")
    labels = class_numbers(kept.column(label_name).to_pylist(), dataset)
    files = [root / path for path in paths]
    sizes = [file.stat().st_size if is_file(file) else -1 for file in files]
    return Labelled(paths, labels, len(table) - len(kept), lambda place: read_bytes(files[place]), sizes)


def is_list(path: str) -> bool:
    """Tell a list of paths by its suffix."""
    return path.lower().endswith((".csv", ".tsv"))


def labels_of_list(path: str, where: str) -> list[str]:
    """Return the labels of a list's images, sorted. Raises ValueError as `images_of_list`."""
    table = read_texts(path, where)
    label_name = find_column(table.column_names, LABEL_COLUMNS, "label", where)
    labels: list[Any] = pc.unique(table[label_name].drop_null()).to_pylist()
    if not labels:
        raise ValueError(f"{where} has no row with a label")
    return sorted(labels)


def read_texts(path: str, where: str) -> pa.Table:
    """Return a CSV, or TSV by its suffix, with a header, all columns as texts, empty cells as nulls.

    CSV: a quoted cell may have commas and line ends in it. TSV, as `pipeline.sources` reads it: a line end always ends
    the row, and quotes are text unless they hold the whole cell. Raises ValueError that begins with `where` for what is
    none.
    """
    is_tsv = path.lower().endswith(".tsv")
    parse = csv.ParseOptions(delimiter="\t", quote_char=False) if is_tsv else csv.ParseOptions(newlines_in_values=True)
    try:
        names = csv.open_csv(path, parse_options=parse).schema.names
        types = {name: pa.string() for name in names}
        as_texts = csv.ConvertOptions(column_types=types, strings_can_be_null=True, null_values=[""])
        table = csv.read_csv(path, parse_options=parse, convert_options=as_texts)
        return _without_quotes(table) if is_tsv else table
    except pa.ArrowInvalid as error:
        raise ValueError(f"{where}: expected a table with a header, {str(error).splitlines()[0]}") from error


def _without_quotes(table: pa.Table) -> pa.Table:
    """Return the rows of a TSV without the quotes that hold whole cells, and names; doubled ones inside are one."""
    columns = [_unquoted(column) for column in table.columns]
    names: list[Any] = _unquoted(pa.chunked_array([table.column_names], pa.string())).to_pylist()
    return pa.table(columns, names=names)


def _unquoted(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    inside = pc.replace_substring(pc.utf8_slice_codeunits(texts, 1, -1), '""', '"')
    inside = pc.if_else(pc.equal(inside, ""), None, inside)
    return pc.if_else(pc.match_substring_regex(texts, _QUOTED_CELL), inside, texts)
