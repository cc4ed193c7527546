"""Blocks from local files, a web server and S3: one request each, tried again, ended, refused by name."""

import errno
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas.storage import Folder
from tests.support import shard_server
from tests.support.gcs_server import gcs_bucket
from tests.support.opened_shards import open_shards
from tests.support.s3_server import s3_bucket
from tests.support.shard_server import serving
from tests.support.small_shards import write_shards
from tests.support.waiting import PATIENCE_S, wait_until
from trainer.data.read import block_bytes, shared_blocks
from trainer.data.read.block_bytes import BlockBytes
from trainer.data.read.range_request import ReadingEnded
from trainer.data.shard_source import BlockPlace

NAME = "00000.tar"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_bytes, "FIRST_PAUSE_S", 0.001)


def part(folder: Path, url: str, begin: int = 512, end: int = 9_000) -> tuple[BlockPlace, bytes]:
    return BlockPlace(Folder(url), NAME, begin, end, 1), (folder / NAME).read_bytes()[begin:end]


def in_turn(*faults: str) -> Callable[[str, int], str]:
    """A plan of these faults, one a request, none after."""
    return lambda name, number: faults[number] if name == NAME and number < len(faults) else ""


def always(fault: str) -> Callable[[str, int], str]:
    return lambda name, number: fault if name == NAME else ""


def test_a_local_block_is_a_part_of_its_tar(tmp_path: Path) -> None:
    place, expected = part(write_shards(tmp_path, 8), str(tmp_path))
    read = BlockBytes(None, PATIENCE_S)
    assert read.get(place).read(0, len(expected) + 1).tobytes() == expected
    assert (read.requests, read.fetched_bytes) == (0, 0)


def test_a_block_is_one_request_for_its_bytes(tmp_path: Path) -> None:
    folder = write_shards(tmp_path, 8)
    with serving(folder) as server:
        place, expected = part(folder, server.url)
        read = BlockBytes(None, PATIENCE_S)
        assert read.get(place).read(0, len(expected) + 1).tobytes() == expected
    assert server.ranges == [(NAME, 512, 9_000)]
    assert sum(server.sent_bytes.values()) == read.fetched_bytes == len(expected)
    assert sum(server.requests.values()) == read.requests == 1


@pytest.mark.parametrize(
    "faults",
    [(shard_server.BUSY, shard_server.BUSY), (shard_server.CUT,), (shard_server.CUT, shard_server.BUSY)],
    ids=["busy", "cut", "both"],
)
def test_what_passes_is_tried_again(tmp_path: Path, faults: tuple[str, ...], caplog: pytest.LogCaptureFixture) -> None:
    folder = write_shards(tmp_path, 8)
    with serving(folder, plan=in_turn(*faults)) as server, caplog.at_level(logging.WARNING):
        place, expected = part(folder, server.url)
        assert BlockBytes(None, PATIENCE_S).get(place).read(0, len(expected) + 1).tobytes() == expected
    assert server.requests[NAME] == len(faults) + 1
    assert caplog.text.count("tried again in") == len(faults)
    assert f"{NAME}, bytes 512 to 9000" in caplog.text


@pytest.mark.parametrize("fault", [shard_server.HANGS, shard_server.SLOW])
def test_an_attempt_that_hangs_ends_and_the_next_one_brings_it(
    tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_bytes, "TRIES_A_DEADLINE", PATIENCE_S)
    folder = write_shards(tmp_path, 8)
    with serving(folder, plan=in_turn(fault)) as server:
        place, expected = part(folder, server.url)
        assert BlockBytes(None, PATIENCE_S).get(place).read(0, len(expected) + 1).tobytes() == expected


def test_after_the_deadline_the_error_names_the_block(tmp_path: Path) -> None:
    folder = write_shards(tmp_path, 8)
    with serving(folder, plan=always(shard_server.BUSY)) as server:
        place, _ = part(folder, server.url)
        with pytest.raises(OSError, match=rf"{NAME}, bytes 512 to 9000: not read within 0\.2 s: OSError: status 500"):
            BlockBytes(None, 0.2).get(place)
    with serving(folder, plan=always(shard_server.HANGS)) as server:
        place, _ = part(folder, server.url)
        with pytest.raises(OSError, match=rf"{NAME}, bytes 512 to 9000: not read within 0\.2 s: TimeoutError"):
            BlockBytes(None, 0.2).get(place)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (shard_server.WHOLE, "the server sends the whole file for a range"),
        (shard_server.SHORT, "bytes 512-8989 of .* came for bytes 512-8999"),
        (shard_server.OTHER, "bytes 513-9000 of .* came for bytes 512-8999"),
        (shard_server.REFUSED, "status 403"),
    ],
)
def test_what_no_other_try_can_help_is_refused_by_name_at_once(tmp_path: Path, fault: str, told: str) -> None:
    folder = write_shards(tmp_path, 8)
    with serving(folder, plan=always(fault)) as server:
        place, _ = part(folder, server.url)
        with pytest.raises(ValueError, match=rf"{NAME}, bytes 512 to 9000: {told}"):
            BlockBytes(None, PATIENCE_S).get(place)
    assert server.requests[NAME] == 1


def test_a_shard_that_is_gone_or_shorter_is_named(tmp_path: Path) -> None:
    folder = write_shards(tmp_path, 8)
    with serving(folder, plan=always(shard_server.GONE)) as server:
        place, _ = part(folder, server.url)
        with pytest.raises(FileNotFoundError, match=rf"{server.url}/{NAME}: the shard was there when the run began"):
            BlockBytes(None, PATIENCE_S).get(place)
    size = (folder / NAME).stat().st_size
    with serving(folder) as server:
        for begin, end, told in ((size - 10, size + 10, "came for"), (size + 5, size + 10, "has no bytes")):
            place, _ = part(folder, server.url, begin, end)
            with pytest.raises(ValueError, match=rf"{NAME}, bytes {begin} to {end}: .*{told}"):
                BlockBytes(None, PATIENCE_S).get(place)


def test_a_shard_that_is_another_than_at_first_is_refused_by_name(tmp_path: Path) -> None:
    folder = write_shards(tmp_path, 8)
    place, expected = part(folder, "/unused")
    for fault, told in ((shard_server.WRITTEN, 'written again .*: ETag "b", at first "a"'), (shard_server.MIRROR, "")):
        with serving(folder, plan=in_turn("", fault)) as server:
            read = BlockBytes(None, PATIENCE_S)
            place = part(folder, server.url)[0]
            assert read.get(place).read(0, len(expected)).tobytes() == expected
            if told:
                with pytest.raises(ValueError, match=rf"{NAME}, bytes 512 to 9000: it was {told}; make the index"):
                    read.get(place)
            else:
                assert read.get(place).read(0, len(expected)).tobytes() == expected


@pytest.mark.parametrize(
    ("mark", "told"),
    [("ETag", 'ETag "b", at first "a"'), ("Last-Modified", "Last-Modified Thu, 01 Jan 1970 00:00:01 GMT, at first")],
)
def test_where_a_server_sends_one_mark_alone_it_decides(tmp_path: Path, mark: str, told: str) -> None:
    folder = write_shards(tmp_path, 8)
    with serving(folder, plan=in_turn("", shard_server.WRITTEN)) as server:
        server.marks = {mark}
        read, place = BlockBytes(None, PATIENCE_S), part(folder, server.url)[0]
        read.get(place)
        with pytest.raises(ValueError, match=rf"it was written again .*: {told}"):
            read.get(place)


def test_a_shard_of_another_size_than_the_index_says_is_refused_by_name(tmp_path: Path) -> None:
    folder = write_shards(tmp_path, 8)
    size = (folder / NAME).stat().st_size
    with serving(folder, plan=always(shard_server.LONGER)) as server:
        data = open_shards(folder)
        place = replace(data.sources[0].place(0), folder=Folder(server.url))
        with pytest.raises(ValueError, match=rf"{NAME}, .*: it has {size + 512} bytes, the index was made of {size};"):
            BlockBytes(None, PATIENCE_S).get(place)


def test_a_run_that_ends_waits_for_no_answer(tmp_path: Path) -> None:
    folder = write_shards(tmp_path, 8)
    with serving(folder, plan=always(shard_server.HANGS)) as server:
        place, _ = part(folder, server.url)
        read = BlockBytes(None, PATIENCE_S)
        ended: list[BaseException] = []

        def get() -> None:
            try:
                read.get(place)
            except BaseException as error:
                ended.append(error)

        thread = threading.Thread(target=get)
        thread.start()
        wait_until(lambda: server.requests[NAME], "the request")
        read.abort()
        thread.join()
    assert isinstance(ended[0], ReadingEnded)


def test_no_room_in_the_cache_is_an_error_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_shards(tmp_path / "s", 8)
    with serving(folder) as server:
        place, _ = part(folder, server.url)
        (tmp_path / "file").write_bytes(b"")
        told = r"--cache-dir .*/file/c: cannot be written: Not a directory; give another"
        with pytest.raises(OSError, match=told):
            BlockBytes(str(tmp_path / "file" / "c"), PATIENCE_S, "set")
        with pytest.raises(OSError, match=told):
            BlockBytes(str(tmp_path / "file" / "c"), PATIENCE_S).get(place)

        def full(*_: Any, **__: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(shared_blocks.os, "pwrite", full)
        for name in ("", "set"):
            with pytest.raises(OSError, match=rf"--cache-dir {tmp_path}/a: no room for 8488 bytes of a block; give"):
                BlockBytes(str(tmp_path / "a"), PATIENCE_S, name).get(place)
    assert server.requests[NAME] == 2, "the room is not looked for again and again"


def test_nothing_is_left_in_the_cache_folder(tmp_path: Path) -> None:
    folder, cache = write_shards(tmp_path / "s", 8), tmp_path / "cache"
    cache.mkdir()
    with serving(folder) as server:
        place, expected = part(folder, server.url)
        held = BlockBytes(str(cache), PATIENCE_S).get(place)
        assert list(cache.iterdir()) == []
        assert held.read(0, len(expected) + 1).tobytes() == expected
        shared = BlockBytes(str(cache), PATIENCE_S, "set")
        held = shared.get(place, stays=True)
        shared.close()
        assert list(cache.iterdir()) == []
        assert held.read(0, len(expected) + 1).tobytes() == expected


def test_a_block_is_fetched_once_by_all_that_share_until_it_is_given_up(tmp_path: Path) -> None:
    folder, cache = write_shards(tmp_path / "s", 8), str(tmp_path / "cache")
    with serving(folder) as server:
        place, expected = part(folder, server.url)
        read, other = BlockBytes(cache, PATIENCE_S, "set"), BlockBytes(cache, PATIENCE_S, "set")
        for stays, requests in ((False, 1), (True, 3)):
            held = [one.get(place, stays) for one in (read, other, read)]
            assert [one.read(0, len(one)).tobytes() for one in held] == 3 * [expected]
            assert read.requests + other.requests == server.requests[NAME] == requests
            read.give_up(place, stays)
            assert other.get(place, stays).read(0, len(expected)).tobytes() == expected
            assert server.requests[NAME] == requests + (not stays)
        read.close()
        other.close()


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_bucket("shards") as url:
        yield url


@pytest.fixture(scope="module")
def gs() -> Iterator[str]:
    with gcs_bucket("shards") as url:
        yield url


@pytest.mark.parametrize("store", ["s3", "gs"])
def test_blocks_on_object_stores(tmp_path: Path, store: str, request: pytest.FixtureRequest) -> None:
    url: str = request.getfixturevalue(store)
    folder = write_shards(tmp_path, 8)
    remote = Folder(url)
    remote.fs.pipe_file(remote.path(NAME), (folder / NAME).read_bytes())
    read = BlockBytes(None, PATIENCE_S)
    place, expected = part(folder, url)
    assert read.get(place).read(0, len(expected) + 1).tobytes() == expected
    assert (read.requests, read.fetched_bytes) == (1, len(expected))
    size = (folder / NAME).stat().st_size
    with pytest.raises(ValueError, match=rf"{NAME}, bytes 512 to {size + 512}: it has no more than {size} bytes"):
        read.get(part(folder, url, 512, size + 512)[0])
    remote.delete(NAME)
    with pytest.raises(FileNotFoundError, match=rf"{NAME}: the shard was there when the run began and is gone"):
        read.get(place)
