"""Features from Parquet, as ``trainer embed`` writes them: a file or a folder in, ids and rows out.

Shapes: N rows, E embedding.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.feature_files import FEATURES_DIR

ID_COLUMNS = ("id", "path", "key")
FEATURE_COLUMNS = ("image_features", "features")
LABEL_COLUMN = "label"


def is_feature_path(path: str) -> bool:
    """Tell whether `path` is a Parquet file or a folder with some, at any depth."""
    return path.endswith(".parquet") or (Path(path).is_dir() and bool(_parts(path)))


def read_features(path: str, option: str) -> tuple[np.ndarray, list[str]]:
    """Return (features ``[N, E]`` float32, the class of each row), in the order of files and rows.

    The class is the column ``label``, else the first folder of the id, as of images in a folder a class. Raises
    ValueError that names `option`, the file, the column or the row.
    """
    rows, labels = [], []
    for part, table in _tables(path, option):
        rows.append(_matrix(table, f"{option}: {part}"))
        labels += _labels(table, f"{option}: {part}")
        if rows[-1].shape[1] != rows[0].shape[1]:
            raise ValueError(
                f"{option}: {part}: features of {rows[-1].shape[1]} numbers, those before have {rows[0].shape[1]}"
            )
    return np.concatenate(rows), labels


def read_labels(path: str, option: str) -> list[str]:
    """Return the class of each row; features are not read. Raises as `read_features` does for what it reads."""
    return [
        label for part, table in _tables(path, option, without=FEATURE_COLUMNS)
        for label in _labels(table, f"{option}: {part}")
    ]  # fmt: skip


def _tables(path: str, option: str, without: tuple[str, ...] = ()) -> Iterator[tuple[Path, pa.Table]]:
    """Yield each file with its table, `without` some columns."""
    for part in [Path(path)] if path.endswith(".parquet") else _parts(path):
        if not part.is_file():
            raise FileNotFoundError(f"{option}: no such file {path!r}")
        try:
            with pq.ParquetFile(part) as file:
                table = file.read([name for name in file.schema_arrow.names if name not in without])
        except pa.ArrowInvalid as error:
            raise ValueError(f"{option}: {part}: expected Parquet, {str(error).splitlines()[0]}") from error
        yield part, table


def _parts(path: str) -> list[Path]:
    embedded = Path(path) / FEATURES_DIR
    return sorted((embedded if embedded.is_dir() else Path(path)).rglob("*.parquet"))


def _matrix(table: pa.Table, where: str) -> np.ndarray:
    column: Any = _column(table, FEATURE_COLUMNS, where).combine_chunks()
    kind = column.type
    if not pa.types.is_fixed_size_list(kind) or not pa.types.is_floating(kind.value_type):
        raise ValueError(f"{where}: expected features as fixed_size_list of float16 or float32, found {kind}")
    if column.null_count or column.flatten().null_count:
        raise ValueError(f"{where}: a row without features; leave it out")
    matrix_NE = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, kind.list_size).astype(np.float32)
    finite_N = np.isfinite(matrix_NE).all(axis=1)
    if not finite_N.all():
        raise ValueError(f"{where}, row {int(np.argmin(finite_N))}: features that are not finite; leave it out")
    return matrix_NE


def _labels(table: pa.Table, where: str) -> list[str]:
    if LABEL_COLUMN in table.schema.names:
        labels: list[Any] = table[LABEL_COLUMN].to_pylist()
        if not all(isinstance(label, str) and label for label in labels):
            raise ValueError(f"{where}: expected the name of a class in column {LABEL_COLUMN!r} of each row")
        return labels
    found = []
    for row, name in enumerate(_column(table, ID_COLUMNS, where).to_pylist()):
        label, slash, _ = str(name).partition("/")
        if not slash:
            raise ValueError(
                f"{where}, row {row}: the id {name!r} has no folder to name its class; add a column {LABEL_COLUMN!r}"
            )
        found.append(label)
    return found


def _column(table: pa.Table, names: tuple[str, ...], where: str) -> pa.ChunkedArray:
    for name in names:
        if name in table.schema.names:
            return table[name]
    raise ValueError(f"{where}: expected a column {' or '.join(map(repr, names))}, found {table.schema.names}")
