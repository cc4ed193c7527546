"""Images of a dataset, decoded in threads: batches of those that can be used, a line for each that cannot."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch

from trainer.data.transforms import ImageFault, decode_centre

Loaded = TypeVar("Loaded")


def decoded_batches(
    names: Sequence[str], read: Callable[[int], bytes], image_px: int, batch_size: int, threads: int, skipped: list[str]
) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Yield (places, uint8 middle squares ``[B, 3, P, P]``) of up to `batch_size` images, never none.

    A line with the name and the reason is put into `skipped` for an image that does not decode or cannot be read. The
    next batch is decoded while one is used; two are in memory.
    """

    def load(place: int) -> np.ndarray:
        return decode_centre(read(place), image_px)

    for batch in loaded_batches(names, load, batch_size, threads, skipped, ahead=1):
        yield [place for place, _ in batch], torch.from_numpy(np.stack([pixels for _, pixels in batch]))


def loaded_batches(
    names: Sequence[str],
    load: Callable[[int], Loaded],
    batch_size: int,
    threads: int,
    skipped: list[str],
    *,
    ahead: int = 0,
) -> Iterator[list[tuple[int, Loaded]]]:
    """Yield (place, what `load` makes of it) of up to `batch_size` of the names, never none, in their order.

    Where `load`, called in threads, raises `ImageFault` or OSError a line is put into `skipped`. So many batches are
    loaded `ahead` of the one that is used.
    """

    def attempt(place: int) -> tuple[int, Loaded | None, str]:
        try:
            return place, load(place), ""
        except ImageFault as fault:
            return place, None, str(fault)
        except OSError as error:
            return place, None, f"cannot be read: {error}"

    def good(found: Iterator[tuple[int, Loaded | None, str]]) -> list[tuple[int, Loaded]]:
        batch = []
        for place, made, fault in found:
            if made is None:
                skipped.append(f"{names[place]}: {fault}")
            else:
                batch.append((place, made))
        return batch

    with ThreadPoolExecutor(threads) as pool:
        coming: deque[Iterator[tuple[int, Loaded | None, str]]] = deque()
        for start in range(0, len(names), batch_size):
            coming.append(pool.map(attempt, range(start, min(start + batch_size, len(names)))))
            if len(coming) > ahead and (batch := good(coming.popleft())):
                yield batch
        for found in coming:
            if batch := good(found):
                yield batch
