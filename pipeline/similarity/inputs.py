"""What `pipeline filter` reads: folders of features of one model, checked before a job starts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.similarity.cosine import LENGTH_TOLERANCE, Features, features, lengths, odd_rows
from schemas.feature_files import IMAGE, TEXT, FeatureFiles, features_of, read_feature_file
from schemas.storage import FileRecord, Folder


@dataclass(frozen=True, kw_only=True)
class FeatureFile:
    """One file of a folder of features, as a worker is told of it."""

    number: int
    folder: str
    record: FileRecord
    width: int
    has_texts: bool
    first_row: int
    """Rows of the files before it."""

    @property
    def name(self) -> str:
        return f"{self.folder}/{self.record.name}"

    def tables(self) -> Iterator[pa.Table]:
        """Yield id and features of the rows, `schemas.feature_files.ROW_GROUP_ROWS` at a time. Raises as that does."""
        columns = ["id", IMAGE, TEXT] if self.has_texts else ["id", IMAGE]
        return read_feature_file(Folder(self.folder), self.record, columns)


def open_features(path: str, others: Sequence[str], by_text: bool) -> tuple[FeatureFiles, list[FeatureFiles]]:
    """Return the folders of features of pairs and of evaluation sets.

    Raises ValueError that names a folder without the features that are needed, or of another model or width.
    """
    pairs = FeatureFiles(path)
    pairs.check_column(IMAGE)
    if by_text:
        pairs.check_column(TEXT)
    evaluations = [FeatureFiles(other) for other in others]
    for found in evaluations:
        found.check_column(IMAGE)
        if (found.model, found.width) != (pairs.model, pairs.width):
            raise ValueError(
                f"{found.folder.url}: features of {found.width} numbers by the model {found.model[:12]}, those of "
                f"{pairs.folder.url} have {pairs.width} by {pairs.model[:12]}; embed both with the same model"
            )
    return pairs, evaluations


def files_of(source: FeatureFiles) -> list[FeatureFile]:
    """Return the files of a folder, in the order of their rows."""
    found, first_row = [], 0
    for number, record in enumerate(source.files):
        has_texts = TEXT in source.columns
        found.append(
            FeatureFile(
                number=number, folder=source.folder.url, record=record, width=source.width, has_texts=has_texts,
                first_row=first_row,
            )
        )  # fmt: skip
        first_row += record.rows
    return found


def images_of(table: pa.Table, file: FeatureFile) -> npt.NDArray[np.float16]:
    """Return the images' features ``[N, E]`` of a table of `file`.

    Raises ValueError that names file and row when one is not of length one.
    """
    found_NE = features_of(table, IMAGE, file.width, file.name).astype(np.float16, copy=False)
    _check_lengths(found_NE, table, IMAGE, file)
    return found_NE


def texts_of(table: pa.Table, file: FeatureFile) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.bool_]]:
    """Return the texts' features ``[N, E]`` and whether each row has a text. Raises as `images_of` does."""
    found_NE = features_of(table, TEXT, file.width, file.name).astype(np.float16, copy=False)
    has_text_N = np.asarray(found_NE.any(axis=1))
    _check_lengths(found_NE[has_text_N], table.filter(pa.array(has_text_N)), TEXT, file)
    return found_NE, has_text_N


def _check_lengths(half_NE: npt.NDArray[np.float16], table: pa.Table, column: str, file: FeatureFile) -> None:
    found_N = lengths(half_NE)
    for row in np.flatnonzero(odd_rows(found_N))[:1]:
        name = table["id"][int(row)].as_py()
        raise ValueError(
            f"{file.name}: {column} of {name!a} have the length {found_N[row]:.4g}, expected 1 (within "
            f"{LENGTH_TOLERANCE}); embed again with trainer embed"
        )


def read_images(files: Sequence[FeatureFile]) -> Features:
    """Return the images' features of all rows of `files`, in their order: 6 bytes a number."""
    found = [images_of(table, file) for file in files for table in file.tables()]
    return features(np.concatenate(found))


def check_images(files: Sequence[FeatureFile]) -> None:
    """Raise what `read_images` would; a table is in memory at a time."""
    for file in files:
        for table in file.tables():
            images_of(table, file)


def read_ids(files: Sequence[FeatureFile]) -> pa.ChunkedArray:
    """Return the ids of all rows of `files`, in their order."""
    columns = [table["id"] for file in files for table in read_feature_file(Folder(file.folder), file.record, ["id"])]
    return pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string())


def read_rows(files: Sequence[FeatureFile], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float16]:
    """Return the images' features of some `rows` (ascending) of all rows of `files`; each file is read once."""
    found = []
    for file in files:
        begin = file.first_row
        for table in file.tables() if _any_between(rows, begin, begin + file.record.rows) else ():
            wanted = rows[np.searchsorted(rows, begin) : np.searchsorted(rows, begin + len(table))] - begin
            if len(wanted):
                found.append(images_of(table.take(pa.array(wanted)), file))
            begin += len(table)
    return np.concatenate(found)


def _any_between(rows: npt.NDArray[np.int64], begin: int, end: int) -> bool:
    return bool(np.searchsorted(rows, begin) < np.searchsorted(rows, end))
