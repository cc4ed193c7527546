"""Batches of one worker: its rows of each global batch, read by byte range and decoded in the background.

Shapes: b rows of this worker, P pixels per side, L positions.
"""

import logging
import os
import queue
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from schemas.arrow_types import values_of
from trainer.data.sample_order import keyed_hash, samples_at
from trainer.data.shard_index import ShardIndex
from trainer.data.transforms import ImageFault, Pixels, crop, decode
from trainer.tokenizer import CaptionTokenizer

logger = logging.getLogger(__name__)

CAPTION_DRAW, CROP_DRAW = 1, 2
"""Purposes of the random draws."""

MAX_REPLACEMENTS = 1_000
"""So many samples in a row that do not decode end the run: the shards are broken, not a sample."""

PREFETCHED_BATCHES = 2


@dataclass(frozen=True)
class Batch:
    """This worker's rows of one global batch."""

    indices: npt.NDArray[np.int64]
    """Sample of each row by the order; a replaced one keeps its own index here."""
    images_b3PP: torch.Tensor
    tokens_bL: torch.Tensor
    eos_b: torch.Tensor
    replaced: int
    """Rows whose own sample did not decode."""


class SampleReader:
    """Random access to decoded samples, with the resized pixels kept in memory up to `cache_bytes`."""

    def __init__(self, index: ShardIndex, image_px: int, cache_bytes: int) -> None:
        self.index = index
        self.image_px = image_px
        self._cache: dict[int, Pixels] = {}
        self._room = cache_bytes
        self._faults: dict[int, str] = {}
        self._files: dict[int, int] = {}
        self._lock = threading.Lock()

    def _bytes_of(self, sample: int) -> bytes:
        tar = int(self.index.tar_of[sample])
        offset, size = int(self.index.offsets[sample]), int(self.index.sizes[sample])
        folder_number, name = self.index.tars[tar]
        folder = self.index.folders[folder_number]
        if not folder.local:
            return bytes(folder.fs.cat_file(folder.path(name), start=offset, end=offset + size))
        with self._lock:
            if tar not in self._files:
                if len(self._files) >= 256:
                    os.close(self._files.pop(next(iter(self._files))))
                self._files[tar] = os.open(folder.path(name), os.O_RDONLY)
            duplicate = os.dup(self._files[tar])
        try:
            return os.pread(duplicate, size, offset)
        finally:
            os.close(duplicate)

    def _pixels_of(self, sample: int) -> Pixels | None:
        """Return the resized pixels of a sample, None when it does not decode (logged once)."""
        found = self._cache.get(sample)
        if found is not None:
            return found
        if sample in self._faults:
            return None
        try:
            pixels = decode(self._bytes_of(sample), self.image_px)
        except ImageFault as fault:
            with self._lock:
                if sample in self._faults:  # another thread read it meanwhile, in place of one before it
                    return None
                self._faults[sample] = str(fault)
            folder_number, name = self.index.tars[int(self.index.tar_of[sample])]
            key = self.index.keys[sample].as_py()
            logger.warning("sample %s in %s (folder %d) %s; replaced", key, name, folder_number, fault)
            return None
        with self._lock:
            if sample not in self._cache and pixels.nbytes <= self._room:
                self._room -= pixels.nbytes
                self._cache[sample] = pixels
        return pixels

    def read(self, sample: int) -> tuple[int, Pixels]:
        """Return (sample used, pixels ``[3, height, width]``): the next one that decodes from `sample` on."""
        for step in range(MAX_REPLACEMENTS):
            used = (sample + step) % len(self.index)
            pixels = self._pixels_of(used)
            if pixels is not None:
                return used, pixels
        raise ValueError(f"{MAX_REPLACEMENTS} samples in a row do not decode, from sample {sample} on; check --shards")

    def close(self) -> None:
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()


class Loader:
    """Makes batches; what is in a batch depends on (seed, rows of the run's sequence) and nothing else."""

    def __init__(self, reader: SampleReader, tokenizer: CaptionTokenizer, *, seed: int, decode_threads: int) -> None:
        self.reader = reader
        self.tokenizer = tokenizer
        self.seed = seed
        self._threads = ThreadPoolExecutor(decode_threads, thread_name_prefix="decode")
        self._caption_offsets = np.asarray(reader.index.captions.offsets, dtype=np.int64)
        self._captions = reader.index.captions.values

    def batch(self, start: int, stop: int) -> Batch:
        """Return the samples at places start .. stop - 1 of the run's sequence."""
        places = np.arange(start, stop, dtype=np.int64)
        epochs, indices = samples_at(places, seed=self.seed, num_samples=len(self.reader.index))
        read = list(self._threads.map(self.reader.read, indices.tolist(), chunksize=16))
        used = np.array([sample for sample, _ in read], dtype=np.int64)
        crops = keyed_hash(self.seed, epochs, indices, CROP_DRAW).tolist()
        image_px = self.reader.image_px
        images = np.empty((len(read), 3, image_px, image_px), dtype=np.uint8)
        for row, (_, pixels) in enumerate(read):
            images[row] = crop(pixels, image_px, crops[row])
        counts = self._caption_offsets[used + 1] - self._caption_offsets[used]
        draws = keyed_hash(self.seed, epochs, indices, CAPTION_DRAW) % counts.astype(np.uint64)
        chosen = self._captions.take(self._caption_offsets[used] + draws.astype(np.int64))
        tokens, eos = self.tokenizer.encode(values_of(chosen))
        return Batch(
            indices=indices,
            images_b3PP=torch.from_numpy(images),
            tokens_bL=torch.from_numpy(tokens),
            eos_b=torch.from_numpy(eos),
            replaced=int((used != indices).sum()),
        )

    def batches(self, ranges: Iterator[tuple[int, int]]) -> Generator[Batch, None, None]:
        """Yield the batch of each range in order, made ahead in the background; an error is raised here."""
        ready: queue.Queue[Batch | BaseException | None] = queue.Queue(PREFETCHED_BATCHES)
        stopped = threading.Event()

        def offer(item: Batch | BaseException | None) -> None:
            while not stopped.is_set():
                try:
                    ready.put(item, timeout=0.2)
                    return
                except queue.Full:
                    continue

        def produce() -> None:
            try:
                for start, stop in ranges:
                    if stopped.is_set():
                        return
                    offer(self.batch(start, stop))
                offer(None)
            except BaseException as error:
                offer(error)

        producer = threading.Thread(target=produce, name="loader", daemon=True)
        producer.start()
        try:
            while (item := ready.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stopped.set()
            producer.join()

    def close(self) -> None:
        self._threads.shutdown()
        self.reader.close()
