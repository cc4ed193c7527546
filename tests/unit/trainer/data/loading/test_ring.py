"""Shared memory: slots that do not touch, objects whose big arrays are shared."""

import os
import pickle

import numpy as np
import pyarrow as pa
import pytest

from trainer.data.batch import FILE_COLUMNS
from trainer.data.loading.ring import MIN_SHARED_BYTES, Ring, RingShape, anonymous_file, share_object


@pytest.mark.parametrize("shape", [RingShape(3, 5, 7, 4), RingShape(2, 1, 1, 0), RingShape(4, 2, 8, 8)])
def test_slots_do_not_touch_and_all_mappings_see_them(shape: RingShape) -> None:
    memory = anonymous_file(shape.slots * shape.slot_bytes)
    ours, theirs = Ring(memory, shape), Ring(memory, shape)
    os.close(memory)
    for slot in range(shape.slots):
        ours.images(slot)[:] = slot + 1
        ours.ids(slot)[:] = -slot - 1
        ours.files(slot)[:] = slot + 5
        ours.lengths(slot)[:] = slot + 7
        ours.tokens(slot, 0)[:] = slot + 11
        ours.tokens(slot, shape.rows - 1)[:] = slot + 13
    for slot in range(shape.slots):
        assert theirs.images(slot).shape == (shape.rows, 3, shape.image_px, shape.image_px)
        assert theirs.tokens(slot, 0).shape == (shape.rows * shape.context_length,)
        assert theirs.files(slot).shape == (shape.rows, FILE_COLUMNS)
        assert (theirs.images(slot) == slot + 1).all()
        assert (theirs.ids(slot) == -slot - 1).all()
        assert (theirs.files(slot) == slot + 5).all()
        assert (theirs.lengths(slot) == slot + 7).all()
        assert (theirs.tokens(slot, 0)[: (shape.rows - 1) * shape.context_length] == slot + 11).all()
        assert (theirs.tokens(slot, 0)[(shape.rows - 1) * shape.context_length :] == slot + 13).all()


def test_an_object_comes_back_with_its_big_arrays_outside() -> None:
    big, words = np.arange(MIN_SHARED_BYTES), pa.array([f"{n:020d}" for n in range(20_000)])
    shared, memory = share_object({"big": big, "small": np.arange(3), "words": words, "rest": [1, "a"]})
    assert len(pickle.dumps(shared)) < MIN_SHARED_BYTES
    found = shared.open(memory)
    os.close(memory)
    assert (found["big"] == big).all()
    assert found["small"].tolist() == [0, 1, 2]
    assert found["words"].equals(words)
    assert found["rest"] == [1, "a"]


def test_an_object_without_arrays_comes_back() -> None:
    shared, memory = share_object(["a"])
    assert shared.open(memory) == ["a"]
    os.close(memory)
