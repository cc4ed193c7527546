"""A CSV or TSV of paths and labels; the paths are below its folder, or absolute."""

from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from trainer.evaluate.labelled.columns import IMAGE_COLUMNS, LABEL_COLUMNS, find_column
from trainer.evaluate.labelled.labelled import Dataset, Labelled, class_numbers

PATH_COLUMNS = ("path", "filepath", "file", "filename", "file_name", *IMAGE_COLUMNS)


def images_of_list(dataset: Dataset) -> Labelled:
    """Return the images that a list names, in its order; rows without a path or a label are passed over.

    Raises ValueError that names the file for one without such columns.
    """
    path, root = dataset.path, Path(dataset.path).parent
    try:
        names = csv.open_csv(path, parse_options=_parse(path)).schema.names
        as_texts = csv.ConvertOptions(column_types={name: pa.string() for name in names}, strings_can_be_null=True)
        table = csv.read_csv(path, parse_options=_parse(path), convert_options=as_texts)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{dataset.where}: expected a table of paths and labels, {error}") from error
    path_name = find_column(table.column_names, PATH_COLUMNS, "path", dataset.where)
    label_name = find_column(table.column_names, LABEL_COLUMNS, "label", dataset.where)
    kept = table.select([path_name, label_name]).drop_null()
    paths = kept.column(path_name).to_pylist()
    if not paths:
        raise FileNotFoundError(f"{dataset.where} has no row with a path and a label")
    labels = class_numbers(kept.column(label_name).to_pylist(), dataset)
    files = [root / path for path in paths]
    sizes = [file.stat().st_size if file.is_file() else -1 for file in files]
    return Labelled(paths, labels, len(table) - len(kept), lambda place: files[place].read_bytes(), sizes)


def _parse(path: str) -> csv.ParseOptions:
    return csv.ParseOptions(delimiter="\t" if path.lower().endswith(".tsv") else ",")
