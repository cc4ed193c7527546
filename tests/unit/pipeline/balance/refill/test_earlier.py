"""What earlier rounds downloaded: every plan once, ids found as sets find them, written and read the same."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.balance.refill import earlier as module
from pipeline.balance.refill.earlier import (
    Earlier,
    contains,
    earlier_hash,
    id_set,
    read_rounds,
    read_written,
    write_earlier,
)
from schemas.buffers import ID, sortable_ids
from schemas.sample import FURTHER_CAPTIONS, SHARD_TABLE
from schemas.storage import Folder
from schemas.tables import write_table

IDS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12)


def as_words(ids: list[tuple[int, int]]) -> np.ndarray:
    return np.array(ids, dtype=np.uint64).reshape(-1, 2)


@given(IDS, IDS)
def test_a_set_of_ids_is_a_set(members: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    found = id_set(as_words(members))
    assert [tuple(row) for row in found.tolist()] == sorted(set(members))
    assert contains(found, as_words(asked)).tolist() == [one in set(members) for one in asked]


def one(number: int) -> bytes:
    return bytes([number]) * 16


def write_plan(folder: Folder, name: str, images: list[tuple[int, str, list[list[int]]]]) -> None:
    """`images`: (number, status, the queries of each of its pairs)."""
    rows = [
        {"caption": "c", "key": one(number).hex(), "status": status, "image_id": one(number), "retryable": False,
         "captions": ["c"] * len(pairs), "pair_ids": [one(100 + 10 * number + pair) for pair in range(len(pairs))],
         "query_ids": pairs, "members": [], "signals": []}
        for number, status, pairs in images
    ]  # fmt: skip
    write_table(folder, name, pa.Table.from_pylist(rows, SHARD_TABLE), SHARD_TABLE)


def test_rounds_know_failed_and_stored_images_and_what_was_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING_ROWS", 1)
    first, second = Folder(str(tmp_path / "a")), Folder(str(tmp_path / "b"))
    write_plan(first, "00000.parquet", [(1, "success", [[0, 2], [2]]), (2, "failed_to_download", [[1]])])
    write_plan(first, "without-images-00001.parquet", [(3, "failed_to_resize", [[0]])])
    write_plan(second, "00002.parquet", [(4, "success", [[2]])])
    further = [{"key": "k", "captions": ["c"], "image_id": one(1), "pair_ids": [one(9)], "query_ids": [[0]]}]
    table = pa.Table.from_pylist(further, FURTHER_CAPTIONS)
    write_table(second, "further_captions/00002.parquet", table, FURTHER_CAPTIONS)
    rounds = read_rounds([first, second])
    assert (rounds.num_plans, rounds.num_shards) == (3, 2)
    assert rounds.fetched_by_query(4).tolist() == [2, 0, 3, 0]
    images = pa.table({"image_id": pa.array([one(number) for number in (1, 2, 3, 4)], ID)})
    assert rounds.earlier.alive(images).tolist() == [True, False, False, True]
    assert contains(rounds.stored_images, sortable_ids(images["image_id"])).tolist() == [True, False, False, True]
    pairs = pa.table({"pair_id": pa.array([one(110), one(111), one(120), one(9), one(8)], ID)})
    assert rounds.earlier.selected(pairs).tolist() == [True, True, True, True, False]
    with pytest.raises(ValueError, match=r"--failed: .*query ids"):
        rounds.fetched_by_query(2)
    assert read_rounds([first, second], num_plans=2).fetched_by_query(4).tolist() == [1, 0, 2, 0]


def test_a_round_given_twice_or_left_out_is_told(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    write_plan(folder, "00001.parquet", [(1, "success", [[0]])])
    with pytest.raises(ValueError, match="no folder holds shard 00000 of 2; name the shard folders of all rounds"):
        read_rounds([folder])
    write_plan(folder, "00000.parquet", [(2, "success", [[0]])])
    with pytest.raises(ValueError, match="shard 00000 is in two of the folders; give each round's folder once"):
        read_rounds([folder, folder])
    with pytest.raises(ValueError, match="no folder holds shard 00002 of 3"):
        read_rounds([folder], num_plans=3)


def test_no_rounds_are_empty() -> None:
    rounds = read_rounds([])
    assert (rounds.num_plans, rounds.num_shards, rounds.fetched_by_query(2).tolist()) == (0, 0, [0, 0])


@given(IDS, IDS)
def test_ids_are_read_as_they_were_written(failed: list[tuple[int, int]], selected: list[tuple[int, int]]) -> None:
    folder = Folder("memory://earlier")
    earlier = Earlier(id_set(as_words(failed)), id_set(as_words(selected)))
    write_earlier(folder, earlier)
    found = read_written(folder)
    assert found.failed_images.tolist() == earlier.failed_images.tolist()
    assert found.selected_pairs.tolist() == earlier.selected_pairs.tolist()
    assert earlier_hash(found) == earlier_hash(earlier)
    more = id_set(as_words([*selected, (9, 9)]))
    assert earlier_hash(Earlier(earlier.failed_images, more)) != earlier_hash(earlier)
