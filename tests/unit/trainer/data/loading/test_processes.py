"""Loader processes: the same batches as threads make, errors that say what happened, nothing left behind."""

import logging
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.opened_shards import open_shards
from tests.support.process_tree import wait_until_gone
from tests.support.shard_server import serving
from tests.support.small_shards import captions, write_shards
from tests.support.waiting import PATIENCE_S
from trainer.data.batch import Batch
from trainer.data.loader import Loader
from trainer.data.row_reader import RowReader
from trainer.tokenizer import train_tokenizer

TOKENIZER = train_tokenizer([text for number in range(60) for text in captions(number)], vocab_size=600,
                            context_length=24)  # fmt: skip


def loader(data: Any, processes: int, threads: int = 1, **options: Any) -> Loader:
    reader = RowReader(data, image_px=32)
    return Loader(
        data, reader, TOKENIZER, decode_threads=threads, read_ahead_bytes=1 << 20, processes=processes, **options
    )


def seen(batch: Batch) -> tuple[Any, ...]:
    return (
        batch.ids.tolist(), batch.images_b3PP.numpy().tobytes(), batch.captions, batch.texts.to_lists(),
        batch.texts.starts_N1.tolist(), batch.replaced,
    )  # fmt: skip


def list_shm() -> set[str]:
    return set(os.listdir("/dev/shm")) if Path("/dev/shm").is_dir() else set()


def test_batches_are_those_of_threads(tmp_path: Path) -> None:
    """With broken samples, in batches over the end of an epoch, for a worker's rows in the middle of a batch."""
    folders = [write_shards(tmp_path / "a", 600, per_shard=250, broken=(3, 300)), write_shards(tmp_path / "b", 90)]
    data = open_shards(*folders, weights=(1, 2), pool=600)
    threads = loader(data, 0, threads=2)
    expected = [seen(batch) for batch in threads.batches(range(2, 12), 90, 7, 70)]
    threads.close()
    assert sum(batch[-1] for batch in expected) > 0
    before = list_shm()
    with closing(loader(data, 3, threads=5).batches(range(2, 12), 90, 7, 70)) as batches:
        assert [seen(batch) for batch in batches] == expected
    assert list_shm() - before == set()


def test_processes_and_workers_fetch_each_block_of_a_whole_set_once(tmp_path: Path) -> None:
    """In all epochs; nothing is left in the cache."""
    folder, cache = write_shards(tmp_path / "s", 96), tmp_path / "cache"
    with serving(folder) as server:
        data = open_shards(server.url)
        before = sum(server.sent_bytes.values())
        loaders = [loader(data, 2, cache_dir=str(cache)), loader(data, 0, cache_dir=str(cache))]
        passes = [one.batches(range(24), 12, first, first + 6) for one, first in zip(loaders, (0, 6), strict=True)]
        seen_ids = [[batch.ids.tolist() for batch in batches] for batches in passes]
        assert sum(server.sent_bytes.values()) - before == data.sources[0].num_bytes
        assert sum(one.fetched[0] for one in loaders) == data.sources[0].num_bytes
        assert sum(one.fetched[1] for one in loaders) == len(data.sources[0].blocks) == 6
        for one in loaders:
            one.close()
    epoch = [sample for ids in seen_ids for batch in ids[:8] for sample in batch]
    assert len(set(epoch)) == len(epoch) == 96
    assert list(cache.iterdir()) == []


def test_a_batch_that_is_held_stays_as_it_was(tmp_path: Path) -> None:
    data = open_shards(write_shards(tmp_path, 40))
    held = list(loader(data, 1).batches(range(12), 10, 0, 10))
    now = [seen(batch) for batch in held]
    assert now == [seen(batch) for batch in loader(data, 0).batches(range(12), 10, 0, 10)]


def test_a_batch_that_is_let_go_is_written_over_not_copied(tmp_path: Path) -> None:
    data = open_shards(write_shards(tmp_path, 40))
    places = {batch.images_b3PP.data_ptr() for batch in loader(data, 1).batches(range(40), 10, 0, 10)}
    assert 2 <= len(places) <= 4


def test_a_killed_process_is_an_error_that_says_which_signal(tmp_path: Path) -> None:
    made = loader(open_shards(write_shards(tmp_path, 200)), 2)
    batches = made.batches(range(10_000), 10, 0, 10)
    next(batches)
    assert made.processes is not None
    pids = made.processes.pids
    os.kill(pids[1], signal.SIGKILL)
    with pytest.raises(
        ChildProcessError, match=rf"loader process 1 of 2 \(pid {pids[1]}\) was ended by SIGKILL; .*memory"
    ):
        list(batches)
    wait_until_gone(pids)


def test_what_a_process_raises_is_raised_and_what_it_logs_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = open_shards(write_shards(tmp_path / "b", 60, per_shard=60, broken=(5,)))
    with caplog.at_level(logging.WARNING):
        list(loader(broken, 2).batches(range(20), 12, 0, 12))
    assert caplog.text.count("000005 of ") == caplog.text.count("replaced") == 1
    data = open_shards(write_shards(tmp_path / "a", 20))
    (tmp_path / "a" / "00001.tar").unlink()
    with pytest.raises(FileNotFoundError, match=r"00001\.tar: the shard was there when the run began and is gone"):
        list(loader(data, 1).batches(range(3), 20, 0, 20))


_TRAIN = """
import sys
from tests.unit.trainer.data.loading.test_processes import loader, open_shards
if __name__ != "__main__":
    raise SystemExit("a loader process ran the script of the one who trains")
made = loader(open_shards(sys.argv[1]), 1)
for batch in made.batches(range(10**9), 10, 0, 10):
    print(*made.processes.pids, flush=True)
"""


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGKILL])
def test_processes_end_with_a_worker_that_is_interrupted_or_killed(tmp_path: Path, number: signal.Signals) -> None:
    folder = write_shards(tmp_path / "s", 40)
    script = tmp_path / "train.py"
    script.write_text(_TRAIN)
    before = list_shm()
    with subprocess.Popen(
        [sys.executable, str(script), str(folder)], env={**os.environ, "PYTHONPATH": os.getcwd()},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 1
        os.killpg(process.pid, number)
        _, told = process.communicate(timeout=PATIENCE_S)
    wait_until_gone(pids)
    assert told.count("Traceback") == (number == signal.SIGINT), told
    assert list_shm() - before == set()


def test_a_process_that_cannot_start_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = open_shards(write_shards(tmp_path, 40))
    monkeypatch.setattr("trainer.data.loading.processes._RUN", "raise SystemExit(3)")
    with pytest.raises(ChildProcessError, match=r"loader process \d of 2 \(pid \d+\) ended with code 3"):
        next(loader(data, 2).batches(range(3), 10, 0, 10))
