"""Items through a model: one part in, its rows out. Images are decoded ahead of the encoder, texts go by length.

Shapes: N rows, E embedding, B a batch, P pixels per side.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch

from trainer.data.transforms import ImageFault, Pixels, decode_centre
from trainer.embed.items import Item
from trainer.tokenizer import CaptionTokenizer
from trainer.use.encode import encode_image_batches, encode_packed
from trainer.use.frozen_clip import FrozenCLIP

BATCHES_AHEAD = 2
"""Batches of images that are decoded while one is encoded."""


@dataclass
class EncodedPart:
    """The rows of a part, in their order, and what could not be used."""

    items: list[Item] = field(default_factory=list)
    """Without the bytes of their images."""
    images_NE: npt.NDArray[np.float32] | None = None
    texts_NE: npt.NDArray[np.float32] | None = None
    """Zeros for a row without a caption."""
    faults: list[tuple[str, str]] = field(default_factory=list)
    """(id, why) of what is no row."""


def encode_part(
    model: FrozenCLIP,
    tokenizer: CaptionTokenizer,
    items: Iterable[Item],
    pool: ThreadPoolExecutor,
    batch_size: int,
    *,
    has_images: bool,
    has_texts: bool,
    progress: Callable[[int], object] = lambda rows: None,
) -> EncodedPart:
    """Return the features of a part. Memory: its captions and features, `BATCHES_AHEAD` + 1 batches of pixels.

    The same for the same items, model and `batch_size`, on one device with one number of threads of torch.
    """
    part = EncodedPart()
    if has_images:
        batches = _batches(part, items, pool, batch_size, model.config.image.image_px, progress)
        features = [batch_NE.numpy() for batch_NE in encode_image_batches(model, batches)]
        part.images_NE = np.concatenate([np.empty((0, model.config.embed_dim), dtype=np.float32), *features])
    else:
        _take(part, items, progress)
    if has_texts:
        part.texts_NE = np.zeros((len(part.items), model.config.embed_dim), dtype=np.float32)
        rows = [row for row, item in enumerate(part.items) if item.caption is not None]
        if rows:
            packed = tokenizer.encode([part.items[row].caption or "" for row in rows])
            part.texts_NE[rows] = encode_packed(model, packed, batch_size).numpy()
    return part


def _take(part: EncodedPart, items: Iterable[Item], progress: Callable[[int], object]) -> None:
    for item in items:
        if item.fault is not None:
            part.faults.append((item.id, item.fault))
        else:
            part.items.append(item)
        progress(1)


def _batches(
    part: EncodedPart, items: Iterable[Item], pool: ThreadPoolExecutor, batch_size: int, image_px: int,
    progress: Callable[[int], object],
) -> Iterator[torch.Tensor]:  # fmt: skip
    """Yield uint8 ``[B, 3, P, P]``, all but the last of `batch_size` images; items come into `part` beside them."""
    waiting: list[Pixels] = []
    for item, pixels in _decoded(items, pool, image_px, BATCHES_AHEAD * batch_size):
        progress(1)
        if isinstance(pixels, str):
            part.faults.append((item.id, pixels))
            continue
        part.items.append(item._replace(image=None))
        waiting.append(pixels)
        if len(waiting) == batch_size:
            yield torch.from_numpy(np.stack(waiting))
            waiting = []
    if waiting:
        yield torch.from_numpy(np.stack(waiting))


def _decoded(
    items: Iterable[Item], pool: ThreadPoolExecutor, image_px: int, ahead: int
) -> Iterator[tuple[Item, Pixels | str]]:
    """Yield each item with its pixels, or why it has none; so many are decoded `ahead`, in the pool."""
    remaining = iter(items)
    running: deque[tuple[Item, Future[Pixels | str]]] = deque()
    while True:
        for item in islice(remaining, ahead - len(running)):
            running.append((item._replace(image=None), pool.submit(_decode, item, image_px)))
        if not running:
            return
        item, future = running.popleft()
        yield item, future.result()


def _decode(item: Item, image_px: int) -> Pixels | str:
    if item.fault is not None or item.image is None:
        return item.fault or "has no image"
    try:
        return decode_centre(item.image, image_px)
    except ImageFault as fault:
        return str(fault)
