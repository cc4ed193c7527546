"""Features from Parquet, as ``trainer embed`` writes them: a file or a folder in, ids and rows out.

Shapes: N rows, E embedding.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.existing_paths import is_dir
from schemas.feature_files import FEATURES_DIR
from trainer.evaluate.embedded.feature_sources import FEATURE_COLUMNS, embed_folders, open_folders
from trainer.evaluate.labelled.columns import IMAGE_COLUMNS
from trainer.evaluate.labelled.label_sets import DIFFICULT_COLUMN, LabelSets, label_lists

ID_COLUMNS = ("id", "path", "key")
LABEL_COLUMN = "label"


def is_feature_path(path: str) -> bool:
    """Tell whether `path` is a Parquet file or a folder with some, at any depth; not of pictures alone.

    An output of ``trainer embed`` is one before it has any, too.
    """
    parts = feature_parts(path)
    return not has_pictures_alone(parts[0]) if parts else bool(embed_folders(path, parts))


def feature_parts(path: str) -> list[Path]:
    """Return the Parquet files that `path` is, or holds; one that is absent, too."""
    if path.endswith(".parquet"):
        return [Path(path)]
    return _parts(path) if is_dir(path) else []


def has_pictures_alone(part: Path) -> bool:
    """Tell whether a Parquet file has a column of pictures and none of features."""
    try:
        names = {name.strip().lower() for name in pq.read_schema(part).names}
    except (pa.ArrowInvalid, OSError):
        return False  # told when it is read
    return not names & set(FEATURE_COLUMNS) and bool(names & set(IMAGE_COLUMNS))


def read_features(path: str, option: str) -> tuple[np.ndarray, list[str]]:
    """Return (features ``[N, E]`` float32, the class of each row), in the order of files and rows.

    The class is the column ``label``, else the first folder of the id, as of images in a folder a class. Raises
    ValueError that names `option`, the file, the column or the row, and for an unfinished output of ``trainer embed``.
    """
    return read_matrix(path, option), read_labels(path, option)


def read_matrix(path: str, option: str) -> np.ndarray:
    """Return features ``[N, E]`` float32, in the order of files and rows. Raises as `read_features`."""
    rows: list[np.ndarray] = []
    for part, table in _tables(path, option, without=(*ID_COLUMNS, LABEL_COLUMN, DIFFICULT_COLUMN)):
        rows.append(_matrix(table, f"{option}: {part}"))
        if rows[-1].shape[1] != rows[0].shape[1]:
            raise ValueError(
                f"{option}: {part}: features of {rows[-1].shape[1]} numbers, those before have {rows[0].shape[1]}"
            )
    return np.concatenate(rows)


def read_labels(path: str, option: str) -> list[str]:
    """Return the class of each row; features are not read. Raises as `read_features` does for what it reads."""
    return [
        label for part, table in _tables(path, option, without=FEATURE_COLUMNS)
        for label in _labels(table, f"{option}: {part}")
    ]  # fmt: skip


def read_label_sets(path: str, option: str) -> LabelSets:
    """Return the labels of rows whose column ``label`` is a list of names, and of ``difficult``, if it is there.

    Raises ValueError that names the file, for a column of another type, or one that some of the files have.
    """
    parts: list[list[pa.ListArray]] = []
    for part, table in _tables(path, option, without=FEATURE_COLUMNS):
        names = [name for name in (LABEL_COLUMN, DIFFICULT_COLUMN) if name in table.schema.names]
        parts.append([label_lists(table[name], f"{option}: {part}, column {name!r}") for name in names])
        if len(parts[-1]) != len(parts[0]) or LABEL_COLUMN not in names:
            raise ValueError(
                f"{option}: {part}: expected a column {LABEL_COLUMN!r}, and {DIFFICULT_COLUMN!r} in all files or none; "
                f"found {table.schema.names}"
            )
    return LabelSets(*(pa.concat_arrays(column) for column in zip(*parts, strict=True)))


def _tables(path: str, option: str, without: tuple[str, ...] = ()) -> Iterator[tuple[Path, pa.Table]]:
    """Yield each file with its table, `without` some columns."""
    parts = feature_parts(path)
    open_folders(path, option, parts)
    for part in parts:
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
