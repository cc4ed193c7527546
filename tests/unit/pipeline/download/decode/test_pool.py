"""The decode processes: results for all, one image lost by a crash, no process left."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from pipeline.download.config import DownloadConfig
from pipeline.download.decode.pool import DecodePool
from pipeline.download.outcome import Encoded, Failure
from pipeline.download.policy.evidence import Signal
from pipeline.download.policy.image_marks import MANIFEST_UNREADABLE
from schemas.rejection import REASONS
from tests.support.download import picture
from tests.support.process_tree import is_alive

CONFIG = DownloadConfig(selection="s", output="o", num_decode_processes=1)


def children() -> set[int]:
    return set(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()))


async def decode_all(images: list[bytes], config: DownloadConfig = CONFIG) -> list[Encoded | Failure]:
    async with DecodePool(config) as pool:
        return list(await asyncio.gather(*[pool.decode(data) for data in images]))


def test_batches_keep_who_is_who_and_leave_no_process() -> None:
    before = children()
    images = [picture(size=(20 + number, 20), seed=number) for number in range(50)]
    images[7] = b"no image"
    found = asyncio.run(decode_all(images))
    assert found[7] == Failure("not_an_image")
    sizes = [result.original_width for result in found if isinstance(result, Encoded)]
    assert sizes == [20 + number for number in range(50) if number != 7]
    assert children() == before


def test_a_killed_process_costs_no_image_and_a_stuck_one_costs_one() -> None:
    """Ends the process from outside, while it is idle and by the signal of its own alarm."""

    async def run() -> list[Encoded | Failure]:
        before = children()
        async with DecodePool(CONFIG) as pool:
            found = [await pool.decode(picture())]
            for number in (signal.SIGKILL, signal.SIGPROF):
                processes = children() - before
                for process in processes:
                    os.kill(process, number)
                while any(is_alive(process) for process in processes):
                    await asyncio.sleep(0.01)
                found.append(await pool.decode(picture()))
            found.append(await pool.decode(picture()))
            return found

    kinds = [result if isinstance(result, Failure) else "image" for result in asyncio.run(run())]
    assert kinds == ["image", "image", Failure("decode_timed_out"), "image"]


def test_a_manifest_that_ends_its_process_is_unreadable_and_costs_no_image() -> None:
    """The process ends by the signal of its alarm, as when native code does not return."""

    async def run() -> tuple[list[Signal], list[Encoded | Failure]]:
        before = children()
        async with DecodePool(CONFIG) as pool:
            found = [await pool.decode(picture())]
            processes = children() - before
            for process in processes:
                os.kill(process, signal.SIGPROF)
            while any(is_alive(process) for process in processes):
                await asyncio.sleep(0.01)
            signals = await pool.training_mining(picture())
            return signals, [*found, await pool.decode(picture())]

    signals, images = asyncio.run(run())
    assert signals == [MANIFEST_UNREADABLE]
    assert [isinstance(image, Encoded) for image in images] == [True, True]


def test_every_hostile_file_has_an_outcome(shared_data: Path) -> None:
    files = sorted(path for path in (shared_data / "hostile_images").rglob("*") if path.is_file())
    if not files:
        pytest.skip("no hostile images")
    found = asyncio.run(decode_all([path.read_bytes() for path in files]))
    for path, result in zip(files, found, strict=True):
        if isinstance(result, Failure):
            assert result.reason in REASONS["download"], path
            assert result.reason not in ("decoder_crashed", "decode_timed_out"), path
    assert sum(isinstance(result, Encoded) for result in found) > len(files) // 2
