"""Paths of image files and folders in, decoded images out, a few at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.image_files import IMAGE_SUFFIXES, is_image_name
from schemas.listed_files import list_files
from trainer.data.decode.image import ImageFault, Pixels, decode_rgb
from trainer.evaluate.decoded import loaded_batches


@dataclass(frozen=True, eq=False)
class Decoded:
    """An image of the list."""

    number: int
    """Its place in the list."""
    rgb: Pixels
    """``[height, width, 3]``."""


def list_images(paths: Sequence[str], option: str = "--images") -> list[str]:
    """Return the files that are named, and the images below the folders that are, sorted, each once.

    Raises FileNotFoundError for a path that is not there, and for folders without an image.
    """
    return list_files(paths, is_image_name, option=option, none_found="no image", suffixes=IMAGE_SUFFIXES)


def read_rgb(path: str) -> Pixels:
    """Return ``[height, width, 3]``. Raises `ImageFault`."""
    try:
        data = np.frombuffer(Path(path).read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise ImageFault("cannot be read") from error
    data.flags.writeable = False  # one type, so the kernels are compiled once
    return decode_rgb(data, None)


def decode_all(paths: Sequence[str], batch_size: int, threads: int, skipped: list[str]) -> Iterator[list[Decoded]]:
    """Yield the images that decode, up to `batch_size` at a time; the others are told in `skipped`, a line each."""

    for batch in loaded_batches(paths, lambda place: read_rgb(paths[place]), batch_size, threads, skipped):
        yield [Decoded(place, rgb) for place, rgb in batch]
