"""Captions for the tokenizer: from tables where they stand, else from blocks; bounded, the same near and far."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.opened_shards import open_shards
from tests.support.removals import write_removals
from tests.support.shard_server import BUSY, serving
from tests.support.small_shards import captions, write_shards
from tests.support.waiting import PATIENCE_S
from trainer.data import some_captions as module
from trainer.data.read.block_bytes import BlockBytes
from trainer.data.read.table_captions import spread
from trainer.data.some_captions import plan_parts, some_captions
from trainer.telling.reporter import Silent

MANY = 1_000_000


class Told(Silent):
    def __init__(self) -> None:
        self.messages: list[str] = []
        self.works: list[tuple[int, int]] = []

    def message(self, text: str) -> None:
        self.messages.append(text)

    def work(self, title: str, done_bytes: int, total_bytes: int) -> None:
        self.works.append((done_bytes, total_bytes))


def with_tables(folder: Path, num_samples: int, per_shard: int = 16, **other: Any) -> Path:
    """Write shards with tables beside them: of two row groups, with a row that failed."""
    write_shards(folder, num_samples, per_shard)
    for start in range(0, num_samples, per_shard):
        rows = range(start, min(start + per_shard, num_samples))
        columns = {
            "key": [*(f"{number:06d}" for number in rows), "failed"],
            "status": [*["success" for _ in rows], "failed_to_download"],
            "captions": [*map(captions, rows), ["of no image"]],
            **other,
        }
        path = folder / f"{start // per_shard:05d}.parquet"
        pq.write_table(pa.table(columns), path, row_group_size=per_shard // 2)
    return folder


def found(place: Path | str, most: int = MANY, **options: Any) -> list[str]:
    read = BlockBytes(None, PATIENCE_S)
    return list(some_captions(open_shards(place), read, options.pop("further", None), most, **options))


def test_of_a_small_set_all_are_taken_in_their_order(tmp_path: Path) -> None:
    expected = [text for number in range(40) for text in captions(number)]
    told = Told()
    assert found(write_shards(tmp_path / "plain", 40), reporter=told) == expected
    assert "0 tables beside the tars, and of 3 blocks" in told.messages[0]
    assert told.messages[1].startswith(f"captions for the tokenizer: {len(expected)} in ")
    assert told.works[-1][0] == told.works[-1][1] == sum(map(len, expected))
    told = Told()
    assert found(with_tables(tmp_path / "tables", 40), reporter=told) == expected
    assert "3 tables beside the tars, and of 0 blocks" in told.messages[0]


def test_further_captions_follow_those_of_their_sample(tmp_path: Path) -> None:
    for folder in (write_shards(tmp_path / "plain", 20), with_tables(tmp_path / "tables", 20)):
        expected = [text for number in range(20) for text in [*captions(number), f"more of {number:06d}"]]
        assert found(folder, further=lambda key: [f"more of {key}"]) == expected


def test_over_the_network_they_are_the_same_and_tables_spare_the_images(tmp_path: Path) -> None:
    plain, tables = write_shards(tmp_path / "plain", 64), with_tables(tmp_path / "tables", 64)
    for folder, most in ((plain, MANY), (plain, 30), (tables, MANY), (tables, 30)):
        expected = found(folder, most)
        with serving(folder, plan=lambda name, number: BUSY * (name.endswith("2.tar") and number == 1)) as server:
            data = open_shards(server.url)
            read = BlockBytes(str(tmp_path / "cache"), PATIENCE_S, data.set_name())
            before = sum(server.sent_bytes.values())
            assert list(some_captions(data, read, None, most)) == expected
            sent = sum(server.sent_bytes.values()) - before
            read.close()
        tar_bytes = sum(path.stat().st_size for path in folder.glob("*.tar"))
        if folder == tables:
            assert sent < tar_bytes / 10
        elif most == 30:
            assert sent <= tar_bytes / 2


@pytest.mark.parametrize("has_tables", [False, True])
def test_of_a_larger_set_so_many_are_evenly_spread(tmp_path: Path, has_tables: bool) -> None:
    folder = (with_tables if has_tables else write_shards)(tmp_path, 640)
    all_captions = [text for number in range(640) for text in captions(number)]
    taken = found(folder, 160)
    assert 120 <= len(taken) <= 160
    places = [all_captions.index(text) for text in taken if "number" in text]
    assert places == sorted(places)
    if has_tables:
        assert all(any(low <= place < low + 320 for place in places) for low in range(0, 1_280, 320))
    assert found(folder, 160) == taken


def test_tables_and_bytes_of_blocks_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TABLES", 5)
    monkeypatch.setattr(module, "MAX_BLOCK_BYTES", 1 << 20)
    for folder, is_table in ((with_tables(tmp_path / "a", 640), True), (write_shards(tmp_path / "b", 640), False)):
        data = open_shards(folder)
        parts = plan_parts(data, BlockBytes(None, PATIENCE_S), MANY)
        assert all(part.is_table == is_table for part in parts)
        source = data.sources[0]
        if is_table:
            assert [part.number for part in parts] == [0, 8, 16, 24, 32]
        else:
            assert len(parts) > 1
            assert sum(source.ends[part.number] - source.begins[part.number] for part in parts) <= 1 << 20


def test_what_was_removed_has_none(tmp_path: Path) -> None:
    for folder in (write_shards(tmp_path / "plain", 20), with_tables(tmp_path / "tables", 20)):
        write_removals(folder, {"key": "000003"}, {"key": "000005"})
        assert found(folder) == [text for number in range(20) if number not in (3, 5) for text in captions(number)]


def test_a_folder_whose_tables_are_of_something_else_is_read_by_blocks(tmp_path: Path) -> None:
    folder = with_tables(tmp_path, 40)
    for path in folder.glob("*.parquet"):
        pq.write_table(pq.read_table(path).select(["key"]), path)
    assert found(folder) == [text for number in range(40) for text in captions(number)]


def test_one_table_that_is_unlike_the_first_is_named(tmp_path: Path) -> None:
    folder = with_tables(tmp_path, 40)
    pq.write_table(pa.table({"key": ["a"]}), folder / "00001.parquet")
    with pytest.raises(ValueError, match=r"00001\.parquet: no captions, which the folder's first table has; restore"):
        found(folder)
    (folder / "00001.parquet").write_bytes(b"no table")
    with pytest.raises(ValueError, match=r"00001\.parquet: expected a Parquet file that Arrow can read"):
        found(folder)


def test_numbers_are_spread_evenly() -> None:
    assert spread(10, 5).tolist() == [0, 2, 4, 6, 8]
    assert spread(3, 5).tolist() == [0, 1, 2]
    assert spread(0, 5).tolist() == []
