"""The room for live blocks: enough for what is live in fact, not much more, refused before the start."""

import os
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.opened_shards import open_shards
from tests.support.shard_server import serving
from tests.support.small_shards import write_shards
from tests.support.waiting import PATIENCE_S
from trainer.data.order.mixture import Mixture
from trainer.data.order.sample_order import SampleOrder
from trainer.data.read import cache_room
from trainer.data.read.cache_room import check_room, expected_bytes, live_samples
from trainer.data.read.shared_blocks import SharedBlocks


@pytest.mark.parametrize(("batch_size", "first", "last"), [(2_048, 0, 256), (2_000, 500, 1_000), (300, 0, 100)])
def test_it_is_enough_and_not_twice_what_is_live(batch_size: int, first: int, last: int) -> None:
    sizes = np.full(1_500, 320, dtype=np.int32)
    order = SampleOrder(sizes, seed=2, pool=64 * 2_048, streams=64)
    mixture = Mixture([order], [1])
    live: dict[int, int] = {}
    most = 0
    for step in range(order.num_samples * 3 // 2 // batch_size):
        rows = mixture.rows(step, batch_size, first, last)
        for block, expiry in zip(rows.blocks.tolist(), rows.expiries.tolist(), strict=True):
            live[block] = max(expiry, live.get(block, 0))
        most = max(most, 320 * len(live))
        done = mixture.places_before((step + 1) * batch_size)[0]
        live = {block: expiry for block, expiry in live.items() if expiry > done}
    found = live_samples(order, 320, batch_size, last - first)
    assert most <= found <= 2 * most


def test_local_shards_need_none_and_remote_ones_their_bytes(tmp_path: Path) -> None:
    folder = write_shards(tmp_path, 40)
    local = open_shards(folder)
    assert expected_bytes(local, 10, 10, 1_000) == 0
    assert check_room(0, "/absent", "") is None
    with serving(folder) as server:
        remote = open_shards(server.url)
        whole = remote.sources[0].num_bytes
        assert expected_bytes(remote, 10, 5, 1_000) == whole + whole // 20 + 1_000
        assert expected_bytes(remote, 10, 5, 1_000, 2) == whole + whole // 20 + 2_000, "workers share a whole set"
        order = SampleOrder(np.full(1_500, 320, dtype=np.int32), seed=2, pool=64 * 2_048, streams=64)
        in_streams = replace(remote, mixture=Mixture([order], [1]))
        with_one, with_two = (expected_bytes(in_streams, 2_048, 256, 0, workers) for workers in (1, 2))
        assert with_one <= with_two <= 2 * with_one


def test_too_little_room_is_an_error_that_says_what_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    folder = tmp_path / "made" / "here"
    monkeypatch.setattr(cache_room.shutil, "disk_usage", lambda _: usage(3_000_000_000))
    with pytest.raises(ValueError, match=r"--cache-dir .*/here: .* up to 4\.0 GB, 3\.0 GB are free; .*--shuffle-pool"):
        check_room(4_000_000_000, str(folder), "set")
    assert folder.is_dir()
    assert str(check_room(2_000_000_000, str(folder), "set")) == f"up to 2.0 GB of blocks in {folder}, 3.0 GB free"
    (folder / "file").write_bytes(b"")
    with pytest.raises(OSError, match=r"--cache-dir .*/file/c: cannot be written: Not a directory; give another"):
        check_room(1, str(folder / "file" / "c"), "set")


def test_blocks_that_are_there_already_need_no_more_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_room.shutil, "disk_usage", lambda _: namedtuple("usage", "free")(1_000))
    shared = SharedBlocks(str(tmp_path), "set")
    with pytest.raises(ValueError, match="are free"):
        check_room(1_500, str(tmp_path), "set")
    shared.get("whole-a", "a block", lambda to: os.write(to, bytes(600)), time.sleep, PATIENCE_S)
    found = check_room(1_500, str(tmp_path), "set")
    assert found is not None
    assert found.free_bytes == 1_600
    shared.close()
