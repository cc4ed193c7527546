"""A loader's batches with the JPEGs that it handed over decoded on the device, one batch ahead of the step.

In: batches whose rows hold pixels or files. Out: the same batches, all pixels on the device. A row whose file the
device refuses is made again by the processor, with the caption of whichever sample that takes.
"""

import queue
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from trainer.data.batch import Batch
from trainer.data.decode.device import DeviceDecoder
from trainer.data.loader import Loader
from trainer.data.loading.rows_maker import steps_of
from trainer.data.packed_texts import PackedTexts

LOOK_EVERY_S = 0.2


class DeviceDecodingLoader:
    """Stands where a `Loader` does."""

    def __init__(self, loader: Loader, on_processor: Loader, decoder: DeviceDecoder, device: torch.device) -> None:
        """`loader` hands files over; `on_processor` makes rows of the same data without."""
        self._loader, self._on_processor = loader, on_processor
        self._decoder, self._device = decoder, device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    @property
    def fetched(self) -> tuple[int, int]:
        """(bytes, requests) that came over the network."""
        pairs = (self._loader.fetched, self._on_processor.fetched)
        return sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)

    def batches(self, steps: Iterable[int], batch_size: int, first: int, last: int) -> Generator[Batch, None, None]:
        """Yield what `Loader.batches` does, with pixels on the device."""
        wanted = steps_of(steps)
        ready: queue.Queue[tuple[Batch, Any] | BaseException | None] = queue.Queue(1)
        stopped = threading.Event()

        def offer(item: tuple[Batch, Any] | BaseException | None) -> None:
            while not stopped.is_set():
                try:
                    ready.put(item, timeout=LOOK_EVERY_S)
                    return
                except queue.Full:
                    continue

        def produce() -> None:
            try:
                with (
                    torch.cuda.stream(self._stream) if self._stream is not None else nullcontext(),
                    closing(self._loader.batches(wanted, batch_size, first, last)) as batches,
                ):
                    for step in wanted:
                        if stopped.is_set():
                            return
                        decoded = self._decoded(next(batches), step, batch_size, first)
                        offer((decoded, self._stream.record_event() if self._stream is not None else None))
                offer(None)
            except BaseException as error:
                offer(error)

        producer = threading.Thread(target=produce, name="device decoder", daemon=True)
        producer.start()
        try:
            while (item := ready.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield self._on_current_stream(*item)
        finally:
            stopped.set()
            producer.join()

    def _on_current_stream(self, batch: Batch, decoded: Any) -> Batch:
        """Return a batch whose images the caller's stream may use: after `decoded`, and until it has done so."""
        if decoded is not None:
            stream = torch.cuda.current_stream(self._device)
            stream.wait_event(decoded)
            batch.images_b3PP.record_stream(stream)
        return batch

    def _decoded(self, batch: Batch, step: int, batch_size: int, first: int) -> Batch:
        files_bF = batch.files_bF
        assert files_bF is not None
        has_file_b = files_bF[:, 0] > 0
        rows = np.flatnonzero(has_file_b)
        if len(rows) == 0:
            return replace(batch, images_b3PP=batch.images_b3PP.to(self._device, non_blocking=True), files_bF=None)
        rooms = batch.images_b3PP.reshape(len(files_bF), -1)
        files = [rooms[row, : files_bF[row, 0]] for row in rows]
        squares, refused = self._decoder.squares(files, files_bF[rows, 2:])
        images = torch.empty(batch.images_b3PP.shape, dtype=torch.uint8, device=self._device)
        images[torch.from_numpy(rows).to(self._device)] = squares
        if not has_file_b.all():
            others = torch.from_numpy(np.flatnonzero(~has_file_b))
            images[others.to(self._device)] = batch.images_b3PP[others].to(self._device)
        found = replace(batch, images_b3PP=images, files_bF=None)
        for row in rows[refused].tolist():
            found = self._made_again(found, step, batch_size, first, row, bool(files_bF[row, 1]))
        return found

    def _made_again(self, batch: Batch, step: int, batch_size: int, first: int, row: int, was_replaced: bool) -> Batch:
        """Return `batch` with one row as the processor makes it; `first` is the worker's first of a global batch."""
        with closing(self._on_processor.batches([step], batch_size, first + row, first + row + 1)) as batches:
            made = next(batches)
        batch.images_b3PP[row] = made.images_b3PP[0].to(self._device)
        batch.captions[row] = made.captions[0]
        texts, num = batch.texts, len(batch.captions)
        return replace(
            batch,
            texts=join_texts([texts.rows(0, row), made.texts, texts.rows(row + 1, num)]),
            replaced=batch.replaced + made.replaced - was_replaced,
        )

    def close(self) -> None:
        self._loader.close()
        self._on_processor.close()


def join_texts(texts: Sequence[PackedTexts]) -> PackedTexts:
    """Return the captions of all `texts`, one after another, which are in the processor's memory."""
    tokens = np.concatenate([one.tokens_T.numpy() for one in texts])
    return PackedTexts.from_flat(tokens, np.concatenate([one.lengths for one in texts]))
