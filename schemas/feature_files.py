"""Folders of features, which `trainer embed` writes: read by an index, an evaluation, `pipeline filter`.

    FOLDER/features/00000.parquet    a row per image, text or pair, in the order of the input
    FOLDER/unusable/00000.parquet    id and reason of what is no row, where there is any
    FOLDER/parts/00000.json          written last of a part: it counts as made
    FOLDER/manifest.json             written over all parts; its summary names the model and the width

Shapes: N rows, E embedding.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.arrow_types import list_array, schema_of
from schemas.buffers import one_chunk
from schemas.checked import first_line
from schemas.json_shape import check_json
from schemas.manifest import read_files, read_manifest
from schemas.storage import FileRecord, Folder

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

_SUMMARY = {"summary": {"model": str, "width": int, "without_caption": int, "dtype": str, "columns": [str]}}


def features_schema(dtype: str, width: int, *, has_images: bool, has_texts: bool) -> pa.Schema:
    """Return the schema of a file; the text features of a row without a caption are zeros.

    Not null: Arrow 25 writes lists of a fixed size with nulls to Parquet and cannot read them back.
    """
    kind = pa.list_(pa.float16() if dtype == "float16" else pa.float32(), width)
    names = [name for name, is_there in ((IMAGE, has_images), (TEXT, has_texts)) if is_there]
    return schema_of([*TOLD, *(pa.field(name, kind) for name in names)])


class FeatureFiles:
    """A finished folder of features, for reading."""

    def __init__(self, path: str) -> None:
        """Raise FileNotFoundError or ValueError for what is no finished folder of features."""
        self.folder = Folder(path)
        manifest = read_manifest(self.folder, KIND)
        check_json(manifest, _SUMMARY, self.folder.path("manifest.json"), "what trainer embed wrote")
        self.rows: int = manifest["rows"]
        self.model: str = manifest["summary"]["model"]
        self.width: int = manifest["summary"]["width"]
        self.without_caption: int = manifest["summary"]["without_caption"]
        self.dtype: str = manifest["summary"]["dtype"]
        self.columns: list[str] = manifest["summary"]["columns"]
        self.identity: str = manifest["identity"]
        records = read_files(self.folder)
        self.files = [file for file in records if file.name.startswith(f"{FEATURES_DIR}/")]
        self.unusable = [file for file in records if file.name.startswith(f"{UNUSABLE_DIR}/")]

    def check_column(self, column: str) -> None:
        """Raise ValueError when the folder has no features of this kind."""
        if column not in self.columns:
            raise ValueError(f"{self.folder.url}: has {' and '.join(self.columns)}, no {column}; embed again with --of")

    def tables(self, column: str) -> Iterator[pa.Table]:
        """Yield what is told of the rows that have something in `column`, with these, `ROW_GROUP_ROWS` at a time.

        Raises ValueError for a folder without that column, and one that names a file that is not as it was written.
        """
        self.check_column(column)
        names = [*(field.name for field in TOLD), column]
        for record in self.files:
            for table in read_feature_file(self.folder, record, names):
                yield table.filter(table["caption"].is_valid()) if column == TEXT else table

    def features(self, table: pa.Table, column: str) -> npt.NDArray[np.floating]:
        """Return the features ``[N, E]`` of a table of `tables`."""
        return features_of(table, column, self.width, self.folder.url)


def read_feature_file(folder: Folder, record: FileRecord, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Yield the rows of one file, some `columns` of it, `ROW_GROUP_ROWS` at a time.

    Raises ValueError that names the file when it is not as it was written, or has no such column.
    """
    folder.check_file(record)
    where = folder.path(record.name)
    try:
        with folder.open(record.name) as raw, pq.ParquetFile(raw) as file:
            missing = set(columns) - set(file.schema_arrow.names)
            if missing:
                raise ValueError(f"{where}: expected a column {min(missing)!r}, found {file.schema_arrow.names}")
            for batch in file.iter_batches(ROW_GROUP_ROWS, columns=list(columns)):
                yield pa.Table.from_batches([batch])
    except pa.ArrowException as error:
        raise ValueError(f"{where}: expected a Parquet file of features, {first_line(error)}") from None


def features_of(table: pa.Table, column: str, width: int, where: str) -> npt.NDArray[np.floating]:
    """Return the features ``[N, E]`` of a table. Raises ValueError that names `where` when they are no such numbers."""
    kind = table.schema.field(column).type
    expected = (pa.list_(pa.float16(), width), pa.list_(pa.float32(), width))
    if kind not in expected or table[column].null_count:
        raise ValueError(f"{where}: column {column!r}: expected lists of {width} numbers, none null, found {kind}")
    values = list_array(one_chunk(table[column])).flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values).reshape(len(table), width)
