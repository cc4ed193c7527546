"""Paths of image files and folders in, decoded images out, a few at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.existing_paths import is_dir, is_file
from schemas.image_files import IMAGE_SUFFIXES, is_image_name
from schemas.side_files import is_side_file
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
    found: list[str] = []
    for path in paths:
        if is_file(path):
            found.append(path)
        elif is_dir(path):
            below = sorted(file for file in Path(path).rglob("*") if file.is_file() and not is_side_file(file.name))
            found += [str(file) for file in below if is_image_name(file.name)]
        else:
            raise FileNotFoundError(f"{option}: no such file or folder {path!r}")
    if not found:
        raise FileNotFoundError(
            f"{option}: no image below {', '.join(map(repr, paths))}; expected one of {', '.join(IMAGE_SUFFIXES)}"
        )
    return list(dict.fromkeys(found))


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
