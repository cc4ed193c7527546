"""The decode processes of a worker: images in, results out, several images per exchange.

A native crash or a stuck decode ends one process and costs one image; the process is started again and the
images behind it are sent once more. Own processes instead of `concurrent.futures`: its pool breaks as a
whole when one process dies, and spawning imports the launcher's main module again.
"""

import asyncio
import json
import os
import signal
import sys
from collections import deque
from dataclasses import asdict, dataclass, field

from pipeline.download.config import DownloadConfig
from pipeline.download.content.near import Words
from pipeline.download.content.settings import content_settings
from pipeline.download.decode.worker import IN_HEADER, OUT_HEADER, READY
from pipeline.download.outcome import Encoded, Failure

MAX_BATCH_IMAGES = 16
MAX_BATCH_BYTES = 1 << 20
"""Sent to a process in one go: a round trip for each small image would cost as much as its decode."""

PIPE_BUFFER_BYTES = 64 << 20

CRASHES_ALLOWED = 2
"""An image that ends two processes is the cause; one end may be another's doing (memory ran out)."""

MAX_STARTS = 3
"""A process that is killed while it starts may be another's doing, too; one that cannot start never will."""

SETTINGS = (
    "image_size", "resize_mode", "resize_only_if_bigger", "encode_format", "encode_quality", "skip_reencode",
    "max_pixels", "upscale_interpolation", "downscale_interpolation", "disable_all_reencoding", "decode",
)  # fmt: skip


@dataclass
class _Job:
    data: bytes
    arguments: bytes
    done: "asyncio.Future[Encoded | Failure]"
    crashes: int = field(default=0)


class DecodePool:
    """Decode processes of one event loop. Use as an async context manager."""

    def __init__(self, config: DownloadConfig, evaluation_hashes: Words | None = None) -> None:
        """`evaluation_hashes`: what no image may look like (`content.evaluation_set`)."""
        fields = asdict(config)
        settings = {name: fields[name] for name in SETTINGS}
        settings["content"] = content_settings(config, evaluation_hashes)
        self._settings = json.dumps(settings).encode() + b"\n"
        self._size = config.num_decode_processes or available_cores()
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._broken: BaseException | None = None

    async def __aenter__(self) -> "DecodePool":
        self._tasks = [asyncio.create_task(self._run()) for _ in range(self._size)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def decode(self, data: bytes, arguments: bytes = b"") -> Encoded | Failure:
        """Return the finished image or why there is none; `arguments`: see `content.arguments`.

        Raises RuntimeError when no decode process starts.
        """
        if self._broken is not None:
            raise RuntimeError("the decode processes do not start") from self._broken
        job = _Job(data, arguments, asyncio.get_running_loop().create_future())
        self._jobs.put_nowait(job)
        return await job.done

    async def _run(self) -> None:
        process = None
        again: deque[_Job] = deque()
        batch: list[_Job] = []
        try:
            process = await self._start()
            while True:
                batch = [again.popleft() if again else await self._jobs.get()]
                self._fill(batch, again)
                answered = await self._exchange(process, batch)
                if answered == len(batch):
                    continue
                code = await process.wait()
                guilty = batch[answered]
                guilty.crashes += 1
                again.extendleft(reversed(batch[answered + 1 :]))
                if code == -signal.SIGPROF:
                    _answer(guilty, Failure("decode_timed_out"))
                elif guilty.crashes >= CRASHES_ALLOWED:
                    _answer(guilty, Failure("decoder_crashed"))
                else:
                    again.appendleft(guilty)
                process = await self._start()
        except (OSError, RuntimeError) as error:
            self._broken = error
            while not self._jobs.empty():
                again.append(self._jobs.get_nowait())
            for job in [*batch, *again]:
                if not job.done.done():
                    job.done.set_exception(RuntimeError(f"the decode processes do not start: {error}"))
        finally:
            if process is not None and process.returncode is None:
                process.kill()
                await process.wait()

    def _fill(self, batch: list[_Job], again: deque[_Job]) -> None:
        if batch[0].crashes:
            return  # alone, so that nothing else is suspected
        size = len(batch[0].data)
        # leave work for the other processes: a batch takes at most its share of what waits
        share = 1 + (len(again) + self._jobs.qsize()) // self._size
        while len(batch) < min(MAX_BATCH_IMAGES, share) and size < MAX_BATCH_BYTES:
            if not again and self._jobs.empty():
                return
            job = again.popleft() if again else self._jobs.get_nowait()
            batch.append(job)
            size += len(job.data)

    async def _exchange(self, process: asyncio.subprocess.Process, batch: list[_Job]) -> int:
        """Send the images, answer their jobs in order; return how many were answered before the process ended."""
        assert process.stdin is not None
        assert process.stdout is not None
        answered = 0
        try:
            for job in batch:
                process.stdin.write(IN_HEADER.pack(len(job.data), len(job.arguments)))
                process.stdin.write(job.data)
                if job.arguments:
                    process.stdin.write(job.arguments)
            # no drain before reading: the process may wait for us to read
            for job in batch:
                text_bytes, image_bytes = OUT_HEADER.unpack(await process.stdout.readexactly(OUT_HEADER.size))
                fields = json.loads(await process.stdout.readexactly(text_bytes))
                data = await process.stdout.readexactly(image_bytes)
                _answer(job, Failure(**fields) if "reason" in fields else Encoded(data=data, **fields))
                answered += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        return answered

    async def _start(self) -> asyncio.subprocess.Process:
        for _ in range(MAX_STARTS):
            process = await self._start_once()
            code = process.returncode
            if code is None:
                return process
            if code >= 0:
                break  # it is broken itself
        raise RuntimeError(f"a decode process ended at its start with exit code {code}")

    async def _start_once(self) -> asyncio.subprocess.Process:
        """Return a process that is ready, or has ended."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pipeline.download.decode.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=PIPE_BUFFER_BYTES,
            start_new_session=True,  # a terminal's Ctrl-C is the parent's to handle
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(self._settings)
        try:
            await process.stdout.readexactly(len(READY))
        except (asyncio.IncompleteReadError, ConnectionError):
            await process.wait()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        return process


def _answer(job: _Job, result: Encoded | Failure) -> None:
    if not job.done.done():
        job.done.set_result(result)


def available_cores() -> int:
    """Return the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
