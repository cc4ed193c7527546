"""Blocks shared by processes: fetched once, freed by whoever is killed, nothing left by the last one."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.support.waiting import PATIENCE_S, wait_until
from trainer.data.read import shared_blocks
from trainer.data.read.shared_blocks import SharedBlocks, held_bytes, shared_folder, sweep

DATA = bytes(range(256)) * 40


def fetched(descriptor: int) -> None:
    os.write(descriptor, DATA)


def not_fetched(descriptor: int) -> None:
    raise AssertionError("it is there already")


def get(shared: SharedBlocks, name: str, fetch: object = fetched, patience_s: float = PATIENCE_S) -> bytes | None:
    found = shared.get(name, "a block", fetch, time.sleep, patience_s)  # type: ignore[arg-type]  # a fetch of these tests
    return None if found is None else found.read(0, len(found)).tobytes()


_HOLD = """
import os, sys, time
from trainer.data.read.shared_blocks import SharedBlocks
shared = SharedBlocks(sys.argv[1], "set")
shared.get("whole-here", "a block", lambda to: os.write(to, b"here"), time.sleep, 1)
shared.get("live-old", "a block", lambda to: os.write(to, b"old"), time.sleep, 1)
def never(to):
    print("claimed", flush=True)
    sys.stdin.read()
shared.get("whole-wanted", "a block", never, time.sleep, 1)
"""


def holder(cache: Path) -> "subprocess.Popen[str]":
    """Start a process that has a block and fetches a second one for ever."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(cache)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "claimed\n"
    return process


def leave_as_killed(cache: Path) -> Path:
    """Leave what a killed process does, of whose descriptors the system closes all; return the folder."""
    shared = SharedBlocks(str(cache), "set")
    get(shared, "whole-here")
    get(shared, "live-old")
    Path(shared.folder, "whole-wanted.part").write_bytes(DATA[:100])
    detached = shared.close.detach()
    assert detached is not None
    os.close(detached[2][0])
    return Path(shared.folder)


def test_threads_fetch_a_block_once(tmp_path: Path) -> None:
    shared, begun, go_on = SharedBlocks(str(tmp_path), "set"), threading.Event(), threading.Event()
    calls: list[int] = []
    found: list[bytes | None] = []

    def fetch(descriptor: int) -> None:
        calls.append(1)
        begun.set()
        go_on.wait(PATIENCE_S)
        fetched(descriptor)

    threads = [threading.Thread(target=lambda: found.append(get(shared, "live-a", fetch))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert begun.wait(PATIENCE_S)
    go_on.set()
    for thread in threads:
        thread.join()
    assert found == 4 * [DATA]
    assert len(calls) == 1
    shared.close()


def test_what_a_killed_process_had_claimed_is_fetched_by_another(tmp_path: Path) -> None:
    process = holder(tmp_path)
    shared = SharedBlocks(str(tmp_path), "set")
    assert get(shared, "whole-here", not_fetched) == b"here"
    assert get(shared, "whole-wanted", not_fetched, patience_s=0.1) is None, "another has it: nobody waits for ever"
    found: list[bytes | None] = []
    waiting = threading.Thread(target=lambda: found.append(get(shared, "whole-wanted")))
    waiting.start()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    waiting.join()
    assert found == [DATA]
    shared.close()
    assert os.listdir(tmp_path) == []


def test_a_run_takes_over_what_stays_of_a_killed_one_and_nothing_else(tmp_path: Path) -> None:
    folder = leave_as_killed(tmp_path)
    assert sorted(os.listdir(folder)) == ["live-old", "whole-here", "whole-wanted.part"]
    shared = SharedBlocks(str(tmp_path), "set")
    assert os.listdir(folder) == ["whole-here"]
    assert held_bytes(str(tmp_path), "set") == len(DATA)
    assert get(shared, "whole-here", not_fetched) == DATA
    shared.close()


def test_after_a_start_of_the_machine_nothing_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot be told: what is there may lack what was not on the disk yet."""
    folder = leave_as_killed(tmp_path)
    monkeypatch.setattr(shared_blocks, "boot_id", lambda: "")
    shared = SharedBlocks(str(tmp_path), "set")
    assert os.listdir(folder) == []
    shared.close()


def test_only_sets_that_nobody_reads_are_deleted(tmp_path: Path) -> None:
    read = SharedBlocks(str(tmp_path), "read")
    killed = leave_as_killed(tmp_path)
    sweep(str(tmp_path), "set")
    assert killed.is_dir()
    other = SharedBlocks(str(tmp_path), "other")
    assert sorted(tmp_path.iterdir()) == sorted(map(Path, (read.folder, other.folder)))
    read.close()
    other.close()
    assert os.listdir(tmp_path) == []


def test_the_last_one_deletes_the_folder(tmp_path: Path) -> None:
    first, last = SharedBlocks(str(tmp_path), "set"), SharedBlocks(str(tmp_path), "set")
    get(first, "whole-a")
    first.close()
    assert get(last, "whole-a", not_fetched) == DATA
    last.close()
    assert os.listdir(tmp_path) == []


def test_a_fetch_that_fails_leaves_the_block_to_others(tmp_path: Path) -> None:
    shared = SharedBlocks(str(tmp_path), "set")

    def fails(descriptor: int) -> None:
        os.write(descriptor, DATA + DATA)
        raise TimeoutError("no answer")

    with pytest.raises(TimeoutError):
        get(shared, "live-a", fails)
    assert os.listdir(shared.folder) == []
    assert get(shared, "live-a") == DATA
    shared.give_up("live-a")
    assert get(shared, "live-a") == DATA
    shared.close()


def test_a_folder_that_was_deleted_is_not_waited_for(tmp_path: Path) -> None:
    shared = SharedBlocks(str(tmp_path), "set")
    os.rmdir(shared.folder)
    assert get(shared, "live-a", not_fetched) is None
    shared.close()


def test_a_folder_of_another_is_refused(tmp_path: Path) -> None:
    path = Path(shared_folder(str(tmp_path), "set"))
    path.mkdir()
    path.chmod(0o777)
    with pytest.raises(OSError, match=rf"--cache-dir {tmp_path}: cannot be written: .* is not this user's alone; give"):
        SharedBlocks(str(tmp_path), "set")
    path.rmdir()
    path.symlink_to(tmp_path)
    with pytest.raises(OSError, match=rf"--cache-dir {tmp_path}: cannot be written: .*; give another"):
        SharedBlocks(str(tmp_path), "set")


def test_a_process_that_ends_deletes_the_folder(tmp_path: Path) -> None:
    """Also when it never closed it."""
    script = "import sys; from trainer.data.read.shared_blocks import SharedBlocks; s = SharedBlocks(sys.argv[1], 'a')"
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    wait_until(lambda: not os.listdir(tmp_path), "the folder to go")
