"""Images of a dataset, decoded in threads: batches of those that decode, a line for each that does not."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from trainer.data.transforms import ImageFault, Pixels, decode_centre


def decoded_batches(
    names: Sequence[str], read: Callable[[int], bytes], image_px: int, batch_size: int, threads: int, skipped: list[str]
) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Yield (places, uint8 middle squares ``[B, 3, P, P]``) of up to `batch_size` images, never none.

    A line with the name and the reason is put into `skipped` for an image that does not decode or cannot be read.
    """

    def load(place: int) -> Pixels | str:
        try:
            return decode_centre(read(place), image_px)
        except ImageFault as fault:
            return str(fault)
        except OSError as error:
            return f"cannot be read: {error}"

    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(names), batch_size):
            batch = range(start, min(start + batch_size, len(names)))
            good: list[tuple[int, Pixels]] = []
            for place, found in zip(batch, pool.map(load, batch), strict=True):
                if isinstance(found, str):
                    skipped.append(f"{names[place]}: {found}")
                else:
                    good.append((place, found))
            if good:
                yield [place for place, _ in good], torch.from_numpy(np.stack([pixels for _, pixels in good]))
