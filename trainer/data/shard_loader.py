"""The trainer's loader for anybody's training loop: batches in the run's order, and where it stands, to go on there.

loader = ShardLoader("shards/", batch_size=4096, image_px=224, epochs=32)
loader.load_state_dict(saved)            # or not
for batch in loader:                     # this worker's rows: uint8 images [b, 3, 224, 224], b captions
    step(batch.images_b3PP, tokenize(batch.captions))
    saved = loader.state_dict()
"""

import hashlib
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.utils.data

from trainer.data.balance.balanced import Balanced
from trainer.data.balance.kept_chances import kept_chances
from trainer.data.data_set import DataSet
from trainer.data.find_index import find_index
from trainer.data.loader import DEADLINE_S, Batch, Loader
from trainer.data.loading.rows_maker import open_blocks
from trainer.data.open_data import open_data, open_folders
from trainer.data.order.mixture import Rows
from trainer.data.order.sample_order import DEFAULT_POOL
from trainer.data.read.block_bytes import BlockBytes
from trainer.data.read.cache_room import check_room, expected_bytes
from trainer.data.read.captions import parse_rule
from trainer.data.read.further_captions import open_further
from trainer.data.read.live_blocks import LiveBlocks
from trainer.data.row_reader import Draws, RowReader
from trainer.telling.reporter import Console
from trainer.workers.distributed import local_rows

STATE_VERSION = 2
"""Of `ShardLoader.state_dict`; another is refused."""
GIVEN_WEIGHTS = "given_weights"
"""Of a state, for a message: its `weights` are those of the mixture, of samples and in whole numbers."""


class ShardLoader:
    """Batches of shards, the same global ones for any number of workers; iterate it once, or again after the end.

    Not in several workers of torch's DataLoader: each would give all.
    """

    def __init__(
        self,
        shards: str | Sequence[str],
        *,
        batch_size: int,
        image_px: int,
        epochs: float = 1.0,
        samples: int | None = None,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
        weights: Sequence[float] = (),
        captions: Sequence[str] = ("random",),
        cap: int | None = None,
        chances_dir: str | None = None,
        shuffle_pool: int = DEFAULT_POOL,
        decode_threads: int = 2,
        loader_processes: int = 0,
        read_ahead_bytes: int = 256 << 20,
        cache_dir: str | None = None,
    ) -> None:
        """`shards` are folders or URLs of folders with tars; `batch_size` is that of all workers together.

        `rank` and `world_size` are those of torch.distributed where that is initialised, else 0 and 1. The other
        options are those of ``trainer/run.py``. With `cap` samples are drawn anew for each epoch (online balancing) and
        `epochs` counts as many as one is expected to have; what that is drawn by lies in `chances_dir`, by default the
        user's cache. An index that the shards lack, and the chances, are made by one process of a machine, for which
        the others wait. Raises FileNotFoundError or ValueError that names what is wrong.
        """
        started = dist.is_available() and dist.is_initialized()
        rank = rank if rank is not None else dist.get_rank() if started else 0
        world_size = world_size if world_size is not None else dist.get_world_size() if started else 1
        if not 0 <= rank < world_size or batch_size < world_size:
            raise ValueError(
                "expected a rank in 0 .. world_size - 1 and at least a row for each worker, found "
                f"rank {rank} of {world_size}, batch_size {batch_size}"
            )
        if cap is not None and cap < 1:
            raise ValueError(f"expected a cap of 1 or more captions a query, found {cap}")
        if not shards:
            raise ValueError("shards must name at least one folder")
        folders = open_folders([shards] if isinstance(shards, str) else list(shards))
        shown = Console()
        indexes = [find_index(one.folder, one.sizes, decode_threads, shown, one.made_in) for one in folders]
        balanced = None
        if cap is not None:
            balanced = Balanced(kept_chances(folders, indexes, cap, decode_threads, shown, chances_dir))
        rules = [parse_rule(rule) for rule in captions]
        self.data: DataSet = open_data(
            folders, indexes, seed=seed, weights=weights, rules=rules, pool=shuffle_pool, balanced=balanced
        )
        self._cap = cap
        self._weights = [float(weight) for weight in weights]
        further = open_further([opened.folder for opened in folders], None)
        self._reader = RowReader(self.data, image_px=image_px, further=further)
        self._options = {
            "decode_threads": decode_threads, "read_ahead_bytes": read_ahead_bytes, "cache_dir": cache_dir,
            "processes": loader_processes, "pinned": torch.cuda.is_available(),
        }  # fmt: skip
        self._cache_dir = cache_dir
        rows = -(-batch_size // world_size)
        check_room(expected_bytes(self.data, batch_size, rows, read_ahead_bytes), cache_dir, self.data.set_name())
        self.batch_size = batch_size
        self._rows = local_rows(batch_size, rank, world_size)
        wanted = int(epochs * self.data.epoch_samples) if samples is None else samples
        self.num_batches = max(1, wanted // batch_size)
        """Global batches from the first to the last; less than one batch of the end is left out."""
        self._done = 0
        self._is_over = False
        """The state that was loaded last is that of the end: the next iteration gives nothing."""

    @property
    def expected_samples(self) -> list[int]:
        """Of each source, how many samples an epoch has, or with `cap` is expected to have."""
        return [order.epoch_samples for order in self.data.mixture.orders]

    def epoch_sizes(self) -> list[list[int]]:
        """Return, of each source, how many samples the epochs have that the batches given so far are of.

        With `cap` these are drawn: the last epoch counts whole.
        """
        places = self.data.mixture.places_before(self._done * self.batch_size)
        return [order.epoch_sizes(place) for order, place in zip(self.data.mixture.orders, places, strict=True)]

    def __len__(self) -> int:
        """Return how many batches are left."""
        return self.num_batches - self._done

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches that are left; after the last one a new iteration begins with the first.

        The first iteration after a loaded state of the end yields nothing, whoever goes on has nothing left to do; the
        one after it begins with the first. Raises ValueError in one of several workers of torch's DataLoader.
        """
        self._begin()
        return self._iterate()

    def _begin(self) -> None:
        """Go back to the first batch after the end, unless a state of the end was loaded for this iteration."""
        _check_worker()
        if self._done >= self.num_batches and not self._is_over:
            self._done = 0
        self._is_over = False

    def _iterate(self) -> Generator[Batch, None, None]:
        loader = Loader(self.data, self._reader, None, **self._options)  # type: ignore[arg-type]  # by name
        try:
            for batch in loader.batches(range(self._done, self.num_batches), self.batch_size, *self._rows):
                self._done += 1
                yield batch
        finally:
            loader.close()

    def samples(self) -> Iterator[dict[str, Any]]:
        """Yield the samples of this worker's rows undecoded, in order, as webdataset has them: a first pipeline stage.

        ``webdataset.DataPipeline(loader.samples, webdataset.decode("pil"), webdataset.to_tuple("jpg", "txt"))``. Keys
        are ``__key__``, ``__url__``, the image under its format and the chosen caption under ``txt``. A sample without
        a caption is passed over: nothing is decoded here, so nothing can be replaced. A state taken when the last
        sample of a batch was given goes on with the next batch, one taken before with this batch. States and workers as
        in `__iter__`.
        """
        self._begin()
        data, read = self.data, BlockBytes(self._cache_dir, DEADLINE_S, self.data.set_name())
        blocks = open_blocks(data, read)
        try:
            for step in range(self._done, self.num_batches):
                rows = data.mixture.rows(step, self.batch_size, *self._rows)
                draws = self._reader.draws(rows)
                blocks.want(rows)
                last: dict[str, Any] | None = None
                for row in range(len(rows)):
                    for sample in self._undecoded(blocks, rows, draws, row):
                        if last is not None:
                            yield last
                        last = sample
                self._done = step + 1  # before the last one is given: nobody may ask for another after it
                if last is not None:
                    yield last
                blocks.give_up(data.mixture.places_before(self._done * self.batch_size))
        finally:
            read.abort()
            blocks.close()
            read.close()

    def _undecoded(self, blocks: LiveBlocks, rows: Rows, draws: Draws, row: int) -> Iterator[dict[str, Any]]:
        source, number, place = int(rows.sources[row]), int(rows.blocks[row]), int(rows.samples[row])
        block = blocks.get(source, number)
        bits = (int(draws[1][row]), int(draws[2][row]))
        caption = self._reader.caption(block, source, place, int(rows.epochs[row]), bits)
        if caption is not None:
            image, where = block.image(place).tobytes(), self.data.sources[source].place(number)
            yield {
                "__key__": block.key(place), "__url__": where.folder.path(where.tar), _suffix(image): image,
                "txt": caption.encode(),
            }  # fmt: skip

    def state_dict(self) -> dict[str, Any]:
        """Return where the iteration stands, as JSON values of less than 1 KiB: the batches given so far are done."""
        return {"version": STATE_VERSION, "batches": self._done, GIVEN_WEIGHTS: self._weights, **self._identity()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken, on any number of workers; after one of the end nothing is left.

        Raises ValueError that names what differs: other shards, seed, batch size, pool, weights or caption rules make
        another sequence.
        """
        if not isinstance(state, dict):
            raise ValueError(f"expected a state that state_dict() gave, a dict, found {state!r:.100}")
        expected = {"version": STATE_VERSION, **self._identity()}
        for name, value in expected.items():
            found = state.get(name)
            if found != value:
                if name == "weights" and state.get(GIVEN_WEIGHTS, self._weights) != self._weights:
                    found, value = state[GIVEN_WEIGHTS], self._weights
                raise ValueError(f"the state is of another sequence: {name} is {found!r}, expected {value!r}")
        batches = state.get("batches")
        if not isinstance(batches, int) or not 0 <= batches <= self.num_batches:
            raise ValueError(f"the state's batches must be in 0 .. {self.num_batches}, found {batches!r}")
        self._done = batches
        self._is_over = batches == self.num_batches

    def _identity(self) -> dict[str, Any]:
        data = self.data
        blocks = hashlib.sha256()
        for source in data.sources:
            blocks.update(np.ascontiguousarray(source.blocks.sizes).tobytes())
            blocks.update(np.ascontiguousarray(source.begins).tobytes())
        rules = hashlib.sha256(repr(data.rules).encode()).hexdigest()[:16]
        return {
            "seed": data.seed,
            "batch_size": self.batch_size,
            "samples": data.num_samples,
            "blocks": blocks.hexdigest()[:32],
            "captions": rules,
            "balance": [self._cap, self.expected_samples],
            "weights": list(data.mixture.weights),
            "streams": [order.num_streams for order in data.mixture.orders],
            "windows": [order.window for order in data.mixture.orders],
        }


def _check_worker() -> None:
    """Raise ValueError in one of several workers of torch's DataLoader: each would give every sample once more."""
    worker = torch.utils.data.get_worker_info()
    if worker is not None and worker.num_workers > 1:
        raise ValueError(
            f"num_workers is {worker.num_workers}: each worker of the DataLoader would give all samples; ShardLoader "
            "decodes in threads or loader_processes of its own, use num_workers 0 or 1"
        )


_SIGNATURES = (
    (b"\xff\xd8", "jpg"),
    (b"\x89PNG", "png"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"II*", "tif"),
    (b"MM", "tif"),
    *((f"P{kind}".encode(), name) for kind, name in zip("123456f", ("pbm", "pgm", "ppm") * 2 + ("pfm",), strict=True)),
)


def _suffix(image: bytes) -> str:
    """Return the name that webdataset's decoders know the format of an image by."""
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "webp"
    return next((name for start, name in _SIGNATURES if image.startswith(start)), "avif")
