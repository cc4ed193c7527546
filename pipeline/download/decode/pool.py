"""The decode processes of a worker: images in, results out, several images on the way to each process.

A native crash or a stuck decode ends one process and costs one image; the process is started again and the
images behind it are sent once more. Own processes instead of `concurrent.futures`: its pool breaks as a
whole when one process dies, and spawning imports the launcher's main module again.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.download.config import DownloadConfig
from pipeline.download.content.near import Words
from pipeline.download.content.settings import content_settings
from pipeline.download.decode.worker import IN_HEADER, OUT_HEADER, READ_MANIFEST, READY
from pipeline.download.outcome import Encoded, Failure
from pipeline.download.policy.evidence import Signal
from pipeline.download.policy.image_marks import MANIFEST_UNREADABLE

MAX_SENT_IMAGES = 16
MAX_SENT_BYTES = 1 << 20
"""Sent to a process before it has answered, at most: a round trip for each image would cost as much as its decode."""

PIPE_BUFFER_BYTES = 64 << 20

MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}
"""glibc gives each picture back to the kernel and takes zeroed pages for the next one: 0.4 ms an image of 500 x 375
pixels, 3.3 ms of 1600 x 1200. With these it keeps what one picture takes."""

CRASHES_ALLOWED = 2
"""An image that ends two processes is the cause; one end may be another's doing (memory ran out)."""

MAX_STARTS = 3
"""A process that is killed while it starts may be another's doing, too; one that cannot start never will."""

SETTINGS = (
    "image_size", "resize_mode", "resize_only_if_bigger", "encode_format", "encode_quality", "skip_reencode",
    "max_pixels", "upscale_interpolation", "downscale_interpolation", "disable_all_reencoding", "decode",
)  # fmt: skip


Result = Encoded | Failure | list[Signal]
"""The last is what a manifest says."""


@dataclass
class _Job:
    data: bytes
    arguments: bytes
    done: "asyncio.Future[Result]"
    reads_manifest: bool = False
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
        result = await self._done(_Job(data, arguments, asyncio.get_running_loop().create_future()))
        assert not isinstance(result, list)
        return result

    async def training_mining(self, data: bytes) -> list[Signal]:
        """Return what the manifests in an image say of training: within the bounds that a decode has, else unreadable.

        Raises RuntimeError when no decode process starts.
        """
        result = await self._done(_Job(data, b"", asyncio.get_running_loop().create_future(), reads_manifest=True))
        return result if isinstance(result, list) else [MANIFEST_UNREADABLE]

    async def _done(self, job: _Job) -> Result:
        if self._broken is not None:
            raise RuntimeError("the decode processes do not start") from self._broken
        self._jobs.put_nowait(job)
        return await job.done

    async def _run(self) -> None:
        process = None
        again: deque[_Job] = deque()
        sent: deque[_Job] = deque()
        try:
            process = await self._start()
            while True:
                if not sent:
                    sent.append(again.popleft() if again else await self._jobs.get())
                    _send(process, sent[0])
                self._top_up(process, sent, again)
                if await _answer_first(process, sent):
                    continue
                code = await process.wait()
                guilty = sent.popleft()
                guilty.crashes += 1
                again.extendleft(reversed(sent))
                sent.clear()
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
            for job in [*sent, *again]:
                if not job.done.done():
                    job.done.set_exception(RuntimeError(f"the decode processes do not start: {error}"))
        finally:
            if process is not None and process.returncode is None:
                process.kill()
                await process.wait()

    def _top_up(self, process: asyncio.subprocess.Process, sent: deque[_Job], again: deque[_Job]) -> None:
        """Send a process more before it has answered all, so that it never waits for us.

        It gets no more than its share of what waits: the others must not.
        """
        share = 1 + (len(again) + self._jobs.qsize()) // self._size
        limit = min(MAX_SENT_IMAGES, share)
        if sent[0].crashes or len(sent) > limit // 2:
            return  # one that may be the cause of a crash goes alone, so that nothing else is suspected
        size = sum(len(job.data) for job in sent)
        while len(sent) < limit and size < MAX_SENT_BYTES:
            if not again and self._jobs.empty():
                return
            job = again.popleft() if again else self._jobs.get_nowait()
            if job.crashes:
                again.appendleft(job)
                return
            sent.append(job)
            size += len(job.data)
            _send(process, job)

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
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"}
            | MALLOC,
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


def _send(process: asyncio.subprocess.Process, job: _Job) -> None:
    """Hand an image to the process; what its pipe does not take waits here, at most `MAX_SENT_BYTES` and an image."""
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):  # it has ended, as who waits for its answer will see
        told = READ_MANIFEST if job.reads_manifest else len(job.arguments)
        process.stdin.write(IN_HEADER.pack(len(job.data), told))
        process.stdin.write(job.data)
        if job.arguments:
            process.stdin.write(job.arguments)


async def _answer_first(process: asyncio.subprocess.Process, sent: deque[_Job]) -> bool:
    """Wait for the result of the first of `sent` and answer its job; tell whether it came before the process ended."""
    assert process.stdout is not None
    try:
        text_bytes, image_bytes = OUT_HEADER.unpack(await process.stdout.readexactly(OUT_HEADER.size))
        answer = await process.stdout.readexactly(text_bytes + image_bytes)
    except (asyncio.IncompleteReadError, ConnectionError):
        return False
    fields = json.loads(answer[:text_bytes])
    _answer(sent.popleft(), _result(fields, answer[text_bytes:]))
    return True


def _result(fields: dict[str, Any], data: bytes) -> Result:
    if "signals" in fields:
        return [Signal(*found) for found in fields["signals"]]
    return Failure(**fields) if "reason" in fields else Encoded(data=data, **fields)


def _answer(job: _Job, result: Result) -> None:
    if not job.done.done():
        job.done.set_result(result)


def available_cores() -> int:
    """Return the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
