"""The worker's side of its loader processes: starts them, gives them slots, puts their parts together.

In: what a loader is made of. Out: batches in order, the same as threads of the worker make. Images stay where the
processes wrote them, and a slot is used again when nothing refers to its images any more.

    process 0  rows 0 .. |       slot 0   slot 1   slot 2   slot 3
    process 1  rows .. b |  ->   given    made     being    free        -> batches
                                          ahead    made
"""

import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import weakref
from collections import deque
from collections.abc import Generator
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any

import numpy as np
import torch

from trainer.data import row_reader
from trainer.data.batch import Batch
from trainer.data.loading.process import Logged, MadePart, Setup
from trainer.data.loading.ring import Ring, RingShape, anonymous_file, share_object
from trainer.data.packed_texts import PackedTexts

logger = logging.getLogger(__name__)

SLOTS = 4
"""Two ahead, the batch of the step that runs, and the one before until the next is asked for."""
HELD_SLOTS = 2
"""Of batches that whoever takes them holds more than these, images are copied: then no slot is ever waited for."""
END_S = 10.0
"""So long a process has to end by itself."""
MAX_TOLD = 10_000

_RUN = (
    "import sys, json; sys.path[:] = json.loads(sys.argv.pop()); from trainer.data.loading.process import main; main()"
)
"""Not multiprocessing's spawn: that runs the script of whoever trains once more in each process."""


class LoaderProcesses:
    """The loader processes of a worker, for one pass over its steps."""

    def __init__(self, setup: Setup, pinned: bool) -> None:
        """Start the processes; with `pinned` their memory is registered with CUDA, so that copies need not wait."""
        self._num_batches = len(setup.wanted.steps)
        self._shape = setup.shape
        self._hands_over = setup.reader.hands_over
        memory = anonymous_file(setup.shape.slots * setup.shape.slot_bytes)
        self._ring = Ring(memory, setup.shape)
        self._pinned = pinned and _register(self._ring)
        self._free = deque(range(setup.shape.slots))
        self._returned: deque[tuple[int, Any]] = deque()
        """Slots whose images were let go, in whichever thread, with the event after the last copy from them."""
        self._held = 0
        self._given = 0
        self._slot_of: dict[int, int] = {}
        self._parts: dict[int, dict[int, MadePart]] = {}
        self._told: set[str] = set()
        self._num_unusable = 0
        """Lines of unusable samples that were logged."""
        self._last: dict[int, MadePart] = {}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._connections: list[Connection] = []
        try:
            shared, arrays = share_object(setup)
            try:
                for part in range(setup.parts):
                    self._start(part, memory, arrays)
            finally:
                os.close(arrays)
            self._send_all(pickle.dumps(shared))
        except BaseException:
            self.close()
            raise
        finally:
            os.close(memory)

    def _start(self, part: int, memory: int, arrays: int) -> None:
        here, there = Pipe()
        try:
            numbers = (there.fileno(), memory, arrays, part)
            command = [sys.executable, "-c", _RUN, *map(str, numbers), json.dumps(sys.path)]
            self._processes.append(
                subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, pass_fds=numbers[:3],
                    start_new_session=True,  # Ctrl-C is the worker's; they end with it
                )
            )  # fmt: skip
            self._connections.append(here)
        finally:
            there.close()

    def _send_all(self, message: bytes) -> None:
        """Send pickled bytes to all processes."""
        for part, connection in enumerate(self._connections):
            try:
                connection.send_bytes(message)
            except OSError:
                self._receive(part)  # why it ended may still be there to read

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    @property
    def fetched_bytes(self) -> int:
        return sum(part.fetched_bytes for part in self._last.values())

    @property
    def requests(self) -> int:
        return sum(part.requests for part in self._last.values())

    def batches(self) -> Generator[Batch, None, None]:
        """Yield the batches in order. Raises what a process raised; ChildProcessError that says what ended it."""
        for number in range(self._num_batches):
            self._give_slots()
            while len(self._parts.get(number, ())) < len(self._connections):
                for ready in wait(self._connections):
                    self._receive(self._connections.index(ready))  # type: ignore[arg-type]
            yield self._batch(number)

    def _give_slots(self) -> None:
        """Have the next batches made in the slots that are free."""
        self._take_back()
        while self._free and self._given < self._num_batches:
            slot = self._free.popleft()
            self._slot_of[self._given] = slot
            self._given += 1
            self._send_all(pickle.dumps(slot))

    def _take_back(self) -> None:
        while self._returned:
            slot, copied = self._returned.popleft()
            if copied is not None:
                copied.synchronize()
            self._held -= 1
            self._free.append(slot)

    def _receive(self, part: int) -> None:
        try:
            message = self._connections[part].recv()
        except (EOFError, OSError):
            raise self._ended(part) from None
        if isinstance(message, BaseException):
            raise message
        if isinstance(message, Logged):
            self._log(message)
            return
        self._parts.setdefault(message.number, {})[part] = message
        self._last[part] = message

    def _log(self, logged: Logged) -> None:
        """Log a line once: two processes can meet the same sample. Of unusable samples as many as one process tells."""
        text = logged.text
        if logged.name == row_reader.logger.name:
            text = text if self._num_unusable < row_reader.MAX_TOLD else row_reader.MORE
        if text not in self._told and len(self._told) < MAX_TOLD:
            self._told.add(text)
            self._num_unusable += logged.name == row_reader.logger.name
            logging.getLogger(logged.name).log(logged.level, "%s", text)

    def _ended(self, part: int) -> ChildProcessError:
        process = self._processes[part]
        try:
            code = process.wait(END_S)
        except subprocess.TimeoutExpired:
            return ChildProcessError(f"loader process {part} (pid {process.pid}) closed its socket and goes on")
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        advice = "; SIGKILL can mean that memory ran out: fewer loader processes or a smaller batch" * (code == -9)
        return ChildProcessError(
            f"loader process {part} of {len(self._processes)} (pid {process.pid}) {how}{advice}; run the same command "
            "again to go on from the last checkpoint"
        )

    def _batch(self, number: int) -> Batch:
        parts = [part for _, part in sorted(self._parts.pop(number).items())]
        slot = self._slot_of.pop(number)
        lengths = self._ring.lengths(slot).astype(np.int64)
        tokens, row = [], 0
        for part in parts:
            tokens.append(self._ring.tokens(slot, row)[: part.num_tokens])
            row += len(part.captions)
        return Batch(
            ids=self._ring.ids(slot).copy(),
            images_b3PP=self._images(slot),
            captions=[caption for part in parts for caption in part.captions],
            texts=PackedTexts.from_flat(np.concatenate(tokens), lengths),
            replaced=sum(part.replaced for part in parts),
            files_bF=self._ring.files(slot).copy() if self._hands_over else None,
        )

    def _images(self, slot: int) -> torch.Tensor:
        array = self._ring.images(slot)
        self._take_back()
        if self._held >= HELD_SLOTS:
            self._free.append(slot)
            return torch.from_numpy(array.copy())
        self._held += 1
        weakref.finalize(array, self._let_go, slot).atexit = False
        return torch.from_numpy(array)

    def _let_go(self, slot: int) -> None:
        """Take back a slot whose images nobody refers to: free once copies to the device that began are done."""
        event = None
        if self._pinned:
            event = torch.cuda.Event()
            event.record()
        self._returned.append((slot, event))

    def close(self) -> None:
        """End the processes: they go when their sockets close."""
        for connection in self._connections:
            connection.close()
        for process in self._processes:
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._pinned:
            torch.cuda.synchronize()
            torch.cuda.cudart().cudaHostUnregister(_address(self._ring))
            self._pinned = False


def ring_shape(rows: int, image_px: int, context_length: int) -> RingShape:
    """Return the shape of the ring for batches of `rows` rows of a worker."""
    return RingShape(SLOTS, rows, image_px, context_length)


def _address(ring: Ring) -> int:
    return int(ring.images(0).__array_interface__["data"][0])


def _register(ring: Ring) -> bool:
    """Lock the ring in memory for CUDA's copies; without it they are right, but wait."""
    if not torch.cuda.is_available():
        return False
    code = int(torch.cuda.cudart().cudaHostRegister(_address(ring), len(ring.pages), 0))
    if code:
        logger.warning("CUDA does not register %d bytes of batches (error %d): copies wait", len(ring.pages), code)
        with suppress(RuntimeError):
            torch.zeros(1, device="cuda")  # CUDA keeps the error until a launch asks for it
    return code == 0
