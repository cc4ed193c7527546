"""Image bytes to pixels: decode within bounds, resize the short side, cut a square (CLIP, section 2.5)."""

import io
import warnings

import numpy as np
import numpy.typing as npt
from PIL import Image

from schemas.image_files import IMAGE_FORMATS
from schemas.png import PNG_MAGIC, read_png

MAX_PIXELS = 100_000_000
"""Bigger images are refused before they are decoded."""

MAX_ASPECT = 8.0
"""A longer image is first cut to its middle, so that the short side never blows up the long one."""

Pixels = npt.NDArray[np.uint8]


class ImageFault(ValueError):
    """An image that cannot be used; the message is one of a few fixed texts."""


def decode(data: bytes, image_px: int) -> Pixels:
    """Return ``[3, height, width]``: RGB, the short side `image_px` (bicubic). Raises `ImageFault`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = read_png(data).bare if data.startswith(PNG_MAGIC) else data
            with Image.open(io.BytesIO(picture), formats=IMAGE_FORMATS) as opened:
                width, height = opened.size
                if width * height > MAX_PIXELS:
                    raise ImageFault("too many pixels")
                opened.draft("RGB", (2 * image_px, 2 * image_px))
                image = opened.convert("RGB")
    except ImageFault:
        raise
    except Exception as error:  # Pillow's decoders raise many types for broken bytes; each costs one image only
        raise ImageFault("does not decode") from error
    width, height = image.size
    long_px = int(MAX_ASPECT * min(width, height))
    if max(width, height) > long_px:
        left, top = max(0, width - long_px) // 2, max(0, height - long_px) // 2
        image = image.crop((left, top, left + min(width, long_px), top + min(height, long_px)))
        width, height = image.size
    scale = image_px / min(width, height)
    size = (max(image_px, round(width * scale)), max(image_px, round(height * scale)))
    if image.size != size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))


def crop(pixels: Pixels, image_px: int, draw: int) -> Pixels:
    """Return the square ``[3, image_px, image_px]`` that the 64 random bits `draw` choose."""
    _, height, width = pixels.shape
    top = (draw & 0xFFFFFFFF) * (height - image_px + 1) >> 32
    left = (draw >> 32) * (width - image_px + 1) >> 32
    return pixels[:, top : top + image_px, left : left + image_px]


def centre_crop(pixels: Pixels, image_px: int) -> Pixels:
    """Return the middle square, as evaluation takes it."""
    _, height, width = pixels.shape
    top, left = (height - image_px) // 2, (width - image_px) // 2
    return pixels[:, top : top + image_px, left : left + image_px]
