"""Training examples that are also test examples: paths or features of both in, how many are the same out.

Images are compared by their bytes (only those are read whose size both have), features of files by their rows, and not
by their names: ``train/cat/1.jpg`` and ``test/cat/1.jpg`` are two images. Held are 16 bytes an image.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from schemas.existing_paths import exists, is_file
from schemas.image_files import is_image_name
from schemas.printable import printable
from trainer.evaluate.embedded.feature_files import feature_parts, is_feature_path
from trainer.evaluate.embedded.labelled_features import LabelledFeatures
from trainer.evaluate.labelled.columns import IMAGE_COLUMNS, find_column
from trainer.evaluate.labelled.path_list import PATH_COLUMNS, is_list, read_texts

DIGEST_BYTES = 16


def check_paths(paths: Mapping[str, str], *, allows: bool) -> None:
    """Look at data sets by their options before a model is loaded: at paths, and at the bytes of images.

    Raises ValueError where two are the same folder or file, and, unless it `allows` them, for images that both have.
    """
    for (first, one), (second, other) in combinations(paths.items(), 2):
        if exists(one) and exists(other) and Path(one).samefile(other):
            raise ValueError(f"{second}: {other} is also {first}: a measure on training examples is none")
        if not is_feature_path(one) and not is_feature_path(other):
            _tell(_common_images(one, other), first, second, other, allows)


def check_rows(read: Mapping[str, LabelledFeatures], paths: Mapping[str, str], *, allows: bool) -> None:
    """Look at features that were read from files. Raises as `check_paths` does."""
    digests = {
        option: {_digest(row.data) for row in x.features_NE.numpy()}
        for option, x in read.items()
        if is_feature_path(paths[option])
    }
    for (first, one), (second, other) in combinations(digests.items(), 2):
        _tell(len(one & other), first, second, paths[second], allows)


def _tell(num: int, first: str, second: str, path: str, allows: bool) -> None:
    if not num:
        return
    told = f"{second}: {num:,} examples of {path} are also in {first}: a measure on training examples is none"
    if not allows:
        raise ValueError(f"{told}; leave them out of one of the two, or give --allow-common")
    print(f"note: {printable(told)}", file=sys.stderr)


def _common_images(one: str, other: str) -> int:
    """Return how many different images both have. Files of pictures in Parquet are all read, a batch at a time."""
    files = [_files(path) for path in (one, other)]
    sizes = [np.array([file.stat().st_size for file in found], dtype=np.int64) for found in files]
    wanted = set(np.intersect1d(sizes[0], sizes[1]).tolist()) if all(len(part) for part in sizes) else None
    return len(set(_digests(one, files[0], wanted)) & set(_digests(other, files[1], wanted)))


def _files(path: str) -> list[Path]:
    """Return the image files of a folder or of a list of paths, none where pictures lie in Parquet."""
    if is_list(path) and is_file(path):
        table = read_texts(path, path)
        name = find_column(table.column_names, PATH_COLUMNS, "path", path)
        files = [Path(path).parent / str(text) for text in table[name].drop_null().to_pylist()]
        return [file for file in files if is_file(file)]
    return sorted(file for file in Path(path).rglob("*") if file.is_file() and is_image_name(file.name))


def _digests(path: str, files: Sequence[Path], sizes: set[int] | None) -> Iterator[bytes]:
    for file in files:
        if sizes is None or file.stat().st_size in sizes:
            yield _digest(file.read_bytes())
    if is_list(path):
        return
    for part in feature_parts(path):
        with pq.ParquetFile(part) as opened:
            name = find_column(opened.schema_arrow.names, IMAGE_COLUMNS, "bytes", str(part))
            for batch in opened.iter_batches(64, columns=[name]):
                for picture in batch.column(0).to_pylist():
                    data = picture.get("bytes") if isinstance(picture, dict) else picture
                    if isinstance(data, bytes):
                        yield _digest(data)


def _digest(data: bytes | memoryview) -> bytes:
    return blake2b(data, digest_size=DIGEST_BYTES).digest()
