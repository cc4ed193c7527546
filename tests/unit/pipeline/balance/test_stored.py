"""Pairs on stored images are found by reading their range of the ids alone."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.balance.refill.earlier import id_set
from pipeline.balance.stored import stored_rows, write_stored
from schemas.buffers import ID, sortable_ids
from schemas.storage import Folder

IDS = st.lists(st.integers(0, 40).map(lambda number: number.to_bytes(1, "big") * 16), max_size=30)


def ids(values: list[bytes]) -> pa.Array:
    return pa.array(values, ID)


@given(IDS, IDS)
def test_rows_on_stored_images_are_told(tmp_path: Path, stored: list[bytes], asked: list[bytes]) -> None:
    folder = Folder(str(tmp_path))
    write_stored(folder, id_set(sortable_ids(ids(stored))))
    ordered = sorted(asked)
    found = stored_rows(folder, pa.table({"image_id": ids(ordered)}))
    assert found.tolist() == [image in stored for image in ordered]


def test_without_earlier_rounds_none_is_stored(tmp_path: Path) -> None:
    table = pa.table({"image_id": ids([b"a" * 16])})
    assert stored_rows(Folder(str(tmp_path)), table).tolist() == [False]
    write_stored(Folder(str(tmp_path)), np.zeros((0, 2), dtype=np.uint64))
    assert stored_rows(Folder(str(tmp_path)), table).tolist() == [False]
