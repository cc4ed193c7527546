"""Files of features: what ``trainer embed`` writes and an index is built of.

    OUTPUT/features/00000.parquet    a row per image, text or pair, in the order of the input
    OUTPUT/unusable/00000.parquet    id and reason of what is no row, where there is any
    OUTPUT/parts/00000.json          written last of a part: it counts as made
    OUTPUT/manifest.json             written over all parts; its summary names the model and the width

Shapes: N rows, E embedding.
"""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.arrow_types import arrow_file, list_array, schema_of
from schemas.buffers import one_chunk
from schemas.checked import first_line
from schemas.manifest import read_files, read_manifest
from schemas.storage import FileRecord, Folder
from schemas.tables import check_schema
from trainer.embed.encode import EncodedPart

KIND = "features"
FEATURES_DIR, UNUSABLE_DIR, PARTS_DIR = "features", "unusable", "parts"
IMAGE, TEXT = "image_features", "text_features"
ROW_GROUP_ROWS = 4_096
"""Read at a time: 4 MiB of float16 at 512."""

TOLD: "list[pa.Field[Any]]" = [
    pa.field("id", pa.string(), nullable=False),
    pa.field("caption", pa.string()),
    pa.field("query", pa.string()),
    pa.field("tar", pa.string()),
    pa.field("image_offset", pa.int64()),
    pa.field("image_bytes", pa.int64()),
]
"""What is told of a row beside its features. query is the first that the sample was collected for, as its shards tell
it; the last three say where the image lies, in shards."""

UNUSABLE = schema_of([pa.field("id", pa.string(), nullable=False), pa.field("reason", pa.string(), nullable=False)])


def features_schema(dtype: str, width: int, *, has_images: bool, has_texts: bool) -> pa.Schema:
    """Return the schema of a file; the text features of a row without a caption are zeros.

    Not null: Arrow 25 writes lists of a fixed size with nulls to Parquet and cannot read them back.
    """
    kind = pa.list_(pa.float16() if dtype == "float16" else pa.float32(), width)
    names = [name for name, is_there in ((IMAGE, has_images), (TEXT, has_texts)) if is_there]
    return schema_of([*TOLD, *(pa.field(name, kind) for name in names)])


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


class FeatureFiles:
    """A finished folder of features, for reading."""

    def __init__(self, path: str) -> None:
        """Raise FileNotFoundError or ValueError for what is no finished folder of features."""
        self.folder = Folder(path)
        manifest = read_manifest(self.folder, KIND)
        self.rows: int = manifest["rows"]
        self.model: str = manifest["summary"]["model"]
        self.width: int = manifest["summary"]["width"]
        self.without_caption: int = manifest["summary"]["without_caption"]
        self.dtype: str = manifest["summary"]["dtype"]
        self.columns: list[str] = manifest["summary"]["columns"]
        self.identity: str = manifest["identity"]
        self._files = [file for file in read_files(self.folder) if file.name.startswith(f"{FEATURES_DIR}/")]

    def tables(self, column: str) -> Iterator[pa.Table]:
        """Yield what is told of the rows that have something in `column`, with these, `ROW_GROUP_ROWS` at a time.

        Raises ValueError for a folder without that column, and one that names a file that is not as it was written.
        """
        if column not in self.columns:
            raise ValueError(f"{self.folder.url}: has {' and '.join(self.columns)}, no {column}; embed again with --of")
        names = [*(field.name for field in TOLD), column]
        for record in self._files:
            self.folder.check_file(record)
            try:
                with self.folder.open(record.name) as raw, pq.ParquetFile(raw) as file:
                    for batch in file.iter_batches(ROW_GROUP_ROWS, columns=names):
                        table = pa.Table.from_batches([batch])
                        yield table.filter(table["caption"].is_valid()) if column == TEXT else table
            except pa.ArrowException as error:
                where = self.folder.path(record.name)
                raise ValueError(f"{where}: expected a Parquet file of features, {first_line(error)}") from None

    def features(self, table: pa.Table, column: str) -> npt.NDArray[np.floating]:
        """Return the features ``[N, E]`` of a table of `tables`."""
        values = list_array(one_chunk(table[column])).flatten().to_numpy(zero_copy_only=False)
        return np.asarray(values).reshape(len(table), self.width)
