"""A loader process: makes a part of its worker's rows into the memory that both share.

In: over a socket, what the loader is made of (`Setup`), then which batch goes into which slot. Out: over the socket, a
message for each part that is made, and what is logged. It ends at once, and leaves nothing, when the socket closes.
"""

import logging
import os
import pickle
import queue
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from trainer.data.data_set import DataSet
from trainer.data.loading.ring import Ring, RingShape
from trainer.data.loading.rows_maker import MadeRows, RowsMaker, WorkerRows
from trainer.data.row_reader import RowReader

if TYPE_CHECKING:  # `tokenizers` is not among what a loader for others needs
    from trainer.tokenizer import CaptionTokenizer


@dataclass(frozen=True)
class Setup:
    """What all loader processes of a worker are made of."""

    data: DataSet
    reader: RowReader
    tokenizer: "CaptionTokenizer | None"
    options: dict[str, Any]
    """Of `RowsMaker`."""
    wanted: WorkerRows
    shape: RingShape
    parts: int


@dataclass(frozen=True)
class MadePart:
    """Part `part` of batch `number` is in its slot; its captions have `num_tokens` tokens."""

    part: int
    number: int
    captions: list[str]
    num_tokens: int
    replaced: int
    fetched_bytes: int
    """All that this process fetched so far."""
    requests: int


@dataclass(frozen=True)
class Logged:
    """A line for the worker's log."""

    name: str
    level: int
    text: str


class Slots:
    """Which slot a batch goes into, as the worker gives them."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._given: queue.Queue[int] = queue.Queue()
        self.of_batch: dict[int, int] = {}

    def give(self, slot: int) -> None:
        """Have the next batch made in `slot`."""
        self._given.put(slot)

    def take(self, number: int, begin: int, end: int, wait: bool) -> npt.NDArray[np.uint8] | None:
        try:
            slot = self._given.get(block=wait)
        except queue.Empty:
            return None
        self.of_batch[number] = slot
        return self._ring.images(slot)[begin:end]


class _LogToWorker(logging.Handler):
    def __init__(self, outbox: "queue.SimpleQueue[Any]") -> None:
        super().__init__(logging.WARNING)
        self._outbox = outbox

    def emit(self, record: logging.LogRecord) -> None:
        self._outbox.put(Logged(record.name, record.levelno, record.getMessage()))


def main() -> None:
    """Serve the worker at the other end of the socket that the arguments name: socket, ring, arrays, part."""
    socket, memory, arrays, part = (int(argument) for argument in sys.argv[1:5])
    connection = Connection(socket)
    outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_send, args=(connection, outbox), daemon=True).start()
    logger = logging.getLogger("trainer")
    logger.handlers, logger.propagate = [_LogToWorker(outbox)], False
    try:
        setup: Setup = connection.recv().open(arrays)
        ring = Ring(memory, setup.shape)
        slots = Slots(ring)
        threading.Thread(target=_listen, args=(connection, slots), daemon=True).start()
        _make(setup, ring, slots, part, outbox)
    except EOFError:
        os._exit(0)
    except BaseException as error:
        if not isinstance(error, (ValueError, OSError)):
            outbox.put(Logged(__name__, logging.ERROR, traceback.format_exc()))
        outbox.put(_portable(error))
    threading.Event().wait()  # the worker closes the socket when it has read what was sent


def _listen(connection: Connection, slots: Slots) -> None:
    """Take slots until the worker closes the socket, or is gone: then nothing is worth waiting for."""
    with suppress(EOFError, OSError):
        while True:
            slots.give(connection.recv())
    os._exit(0)


def _send(connection: Connection, outbox: "queue.SimpleQueue[Any]") -> None:
    with suppress(OSError):
        while True:
            connection.send(outbox.get())


def _make(setup: Setup, ring: Ring, slots: Slots, part: int, outbox: "queue.SimpleQueue[Any]") -> None:
    import torch

    torch.set_num_threads(1)  # threads of the decoder are the parallelism
    maker = RowsMaker(setup.data, setup.reader, setup.tokenizer, **setup.options)
    for number, made in enumerate(maker.made(setup.wanted, slots, part, setup.parts)):
        _write(ring, slots.of_batch.pop(number), made)
        outbox.put(
            MadePart(
                part, number, made.captions, len(made.texts.tokens_T), made.replaced,
                maker.bytes.fetched_bytes, maker.bytes.requests,
            )
        )  # fmt: skip


def _write(ring: Ring, slot: int, made: MadeRows) -> None:
    rows = slice(made.begin, made.begin + len(made.ids))
    ring.ids(slot)[rows] = made.ids
    ring.files(slot)[rows] = made.files
    ring.lengths(slot)[rows] = made.texts.lengths
    ring.tokens(slot, made.begin)[: len(made.texts.tokens_T)] = made.texts.tokens_T.numpy()


def _portable(error: BaseException) -> BaseException:
    """Return an error that the worker can read."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  # what was written in this line
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
