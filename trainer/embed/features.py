"""Files of features as ``trainer embed`` writes them: the rows of a part in, a table, then a Parquet file out.

What a folder of them holds, and how it is read: `schemas.feature_files`. Shapes: N rows, E embedding.
"""

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.arrow_types import arrow_file
from schemas.feature_files import IMAGE, ROW_GROUP_ROWS, TEXT, TOLD
from schemas.storage import FileRecord, Folder
from schemas.tables import check_schema
from trainer.embed.encode import EncodedPart


def features_table(part: EncodedPart, queries: list[str | None], schema: pa.Schema, dtype: str) -> pa.Table:
    """Return the rows of a part, with the query of each. Raises ValueError for features that are not finite."""
    places = [item.place for item in part.items]
    columns: dict[str, Any] = {
        "id": [item.id for item in part.items],
        "caption": [item.caption for item in part.items],
        "query": queries,
        "tar": [place and place.tar for place in places],
        "image_offset": [place and place.offset for place in places],
        "image_bytes": [place and place.size for place in places],
    }
    for name, features_NE in ((IMAGE, part.images_NE), (TEXT, part.texts_NE)):
        if features_NE is not None:
            columns[name] = _column(part, features_NE, schema.field(name).type, np.dtype(dtype))
    return pa.Table.from_arrays(
        [c if isinstance(c := columns[f.name], pa.Array) else pa.array(c, f.type) for f in schema], schema=schema
    )


def _column(
    part: EncodedPart, features_NE: npt.NDArray[np.float32], kind: pa.DataType, dtype: np.dtype[Any]
) -> pa.Array:
    bad = ~np.isfinite(features_NE).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{part.items[int(bad.argmax())].id}: its features are not finite, and those of {int(bad.sum()) - 1} more; "
            "expected a model that was trained well, or --precision float32"
        )
    values = pa.array(features_NE.astype(dtype, copy=False).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(values, type=cast(Any, kind))


def write_features(folder: Folder, name: str, table: pa.Table, schema: pa.Schema) -> FileRecord:
    """Write a part as Parquet. Features are stored as they are: nothing makes them smaller."""
    features = [f"{column}.list.element" for column in (IMAGE, TEXT) if column in schema.names]
    packed: Any = {field.name: "zstd" for field in TOLD} | dict.fromkeys(features, "none")
    repeated: Any = ["tar"]
    with folder.writing(name) as sink:
        with pq.ParquetWriter(
            arrow_file(sink, mode="w"), schema, compression=packed, use_dictionary=repeated
        ) as writer:
            checked = check_schema(table, schema, folder.path(name))
            if len(checked):
                writer.write_table(checked, row_group_size=ROW_GROUP_ROWS)
    return FileRecord(name, len(table), sink.bytes, sink.sha256)
