"""Removals: found by key, image_id and SHA-256, refused by row, 8 bytes each."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.buffers import string_buffers
from schemas.kernels.key_hashes import hash_keys
from schemas.removals import REMOVALS_NAME, digest_prefix, hashed_removals, read_removals
from schemas.storage import Folder
from schemas.tar_contents import key_hash
from tests.support.removals import removals_table, write_removals

SHA256 = hashlib.sha256(b"an image").hexdigest()


def test_keys_are_hashed_as_tars_hash_theirs() -> None:
    keys = ["a", "", "cat/7", "kätze", "0" * 90]
    found = hash_keys(*string_buffers(pa.array(keys)))
    assert found.tolist() == [key_hash(key) for key in keys]


def test_samples_are_found_by_any_of_their_names(tmp_path: Path) -> None:
    image_id = bytes(range(16))
    write_removals(tmp_path, {"key": "cat/7"}, {"image_id": image_id}, {"sha256": SHA256}, {"key": "cat/7"})
    removals = read_removals(Folder(str(tmp_path)))
    assert removals is not None
    keys = ["cat/7", "7", image_id.hex(), SHA256]
    assert removals.of_keys(np.array([key_hash(key) for key in keys])).tolist() == [True, False, True, False]
    digests = np.array([digest_prefix(SHA256), digest_prefix("0" * 64)], dtype=np.uint64)
    assert removals.of_digests(digests).tolist() == [True, False]
    assert (len(removals.keys), len(removals.digests)) == (2, 1)


def test_a_folder_without_removals_has_none(tmp_path: Path) -> None:
    assert read_removals(Folder(str(tmp_path))) is None
    write_removals(tmp_path)
    assert not read_removals(Folder(str(tmp_path)))


def test_many_removals_take_8_bytes_each() -> None:
    keys = pa.array([f"{number:012d}" for number in range(100_000)])
    table = removals_table({}).slice(0, 0)
    columns = {"key": keys, "reason": pa.array(["r"] * len(keys)), "since": pa.array([0] * len(keys), pa.date32())}
    table = pa.Table.from_arrays(
        [columns.get(field.name, pa.nulls(len(keys), field.type)) for field in table.schema], schema=table.schema
    )
    removals = hashed_removals(table, "removals.parquet")
    assert removals.keys.nbytes + removals.digests.nbytes == 8 * len(keys)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"key": "a"}, {}], "row 1 names no sample: expected a key, an image_id or a sha256"),
        ([{"sha256": "abc"}], "expected sha256 as 64 hex digits, found 'abc'"),
        ([{"sha256": "x" * 64}], "expected sha256 as 64 hex digits"),
        ([{"sha256": "ä" * 32}], "expected sha256 as 64 hex digits"),
    ],
)
def test_rows_that_name_no_sample_are_refused(tmp_path: Path, rows: list[dict[str, Any]], told: str) -> None:
    write_removals(tmp_path, *rows)
    with pytest.raises(ValueError, match=rf"removals\.parquet: {told}"):
        read_removals(Folder(str(tmp_path)))


def test_another_table_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"key": ["a"]}), tmp_path / REMOVALS_NAME)
    with pytest.raises(ValueError, match=r"removals\.parquet"):
        read_removals(Folder(str(tmp_path)))
    (tmp_path / REMOVALS_NAME).write_bytes(b"no parquet")
    with pytest.raises(ValueError, match=r"removals\.parquet"):
        read_removals(Folder(str(tmp_path)))
