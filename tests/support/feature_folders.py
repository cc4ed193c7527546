"""Folders of features as `trainer embed` makes them, of given numbers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.feature_files import (
    FEATURES_DIR,
    IMAGE,
    KIND,
    ROW_GROUP_ROWS,
    TEXT,
    UNUSABLE,
    UNUSABLE_DIR,
    features_schema,
)
from schemas.manifest import write_manifest
from schemas.run_record import RunRecord, start_run
from schemas.storage import FileRecord, Folder
from schemas.tables import write_table


def unit_rows(values: npt.ArrayLike) -> npt.NDArray[np.float16]:
    """Return rows of length one as float16."""
    rows = np.asarray(values, dtype=np.float64)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def write_features(
    path: Path, images: npt.NDArray[np.floating], texts: npt.NDArray[np.floating] | None = None, *,
    ids: Sequence[str] | None = None, part_rows: int = 1_000, model: str = "a" * 64, unusable: Sequence[str] = (),
) -> str:  # fmt: skip
    """Write a finished folder of features; a text of zeros is none. Return its path."""
    folder, record = Folder(str(path)), RunRecord(command="trainer embed", config={})
    start_run(folder, record)
    schema = features_schema(str(images.dtype), images.shape[1], has_images=True, has_texts=texts is not None)
    names = [f"{row:08d}" for row in range(len(images))] if ids is None else list(ids)
    files = []
    for begin in range(0, len(images), part_rows):
        part = slice(begin, begin + part_rows)
        file = f"{FEATURES_DIR}/{begin // part_rows:05d}.parquet"
        files.append(_write(folder, file, schema, names[part], images[part], None if texts is None else texts[part]))
    if unusable:
        table = pa.table({"id": list(unusable), "reason": ["is broken"] * len(unusable)}, UNUSABLE)
        files.append(write_table(folder, f"{UNUSABLE_DIR}/00000.parquet", table, UNUSABLE))
    without = 0 if texts is None else int((~texts.any(axis=1)).sum())
    summary = {
        "model": model, "width": images.shape[1], "dtype": str(images.dtype), "without_caption": without,
        "columns": [IMAGE] if texts is None else [IMAGE, TEXT],
    }  # fmt: skip
    write_manifest(folder, KIND, files, rows=len(images), identity=record.identity, summary=summary)
    return str(path)


def _write(
    folder: Folder, name: str, schema: pa.Schema, ids: list[str], images: npt.NDArray[np.floating],
    texts: npt.NDArray[np.floating] | None,
) -> FileRecord:  # fmt: skip
    columns = {IMAGE: images, TEXT: texts}
    told = {"id": pa.array(ids, pa.string())}
    arrays = []
    for field in schema:
        values = columns.get(field.name)
        if values is not None:
            arrays.append(pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), type=field.type))
        else:
            arrays.append(told.get(field.name, pa.nulls(len(ids), field.type)))
    with folder.writing(name) as sink:
        pq.write_table(
            pa.Table.from_arrays(arrays, schema=schema), sink, row_group_size=ROW_GROUP_ROWS, compression="none"
        )
    return FileRecord(name, len(ids), sink.bytes, sink.sha256)
