"""The crop as Pillow alone makes it: decode, resize all of it, cut. What the trainer's own path is compared with."""

import io

import numpy as np
from PIL import Image

from schemas.image_files import IMAGE_FORMATS
from schemas.plain_image import plain_frame
from schemas.png import PNG_MAGIC, read_png
from trainer.data.decode.jpeg_header import read_jpeg_header
from trainer.data.transforms import MAX_ASPECT, crop


def opened(data: bytes, least_px: int | None) -> Image.Image:
    """Return the image upright, as RGB, a usual JPEG at a fraction of its size that keeps `least_px`."""
    png = read_png(data) if data.startswith(PNG_MAGIC) else None
    with Image.open(io.BytesIO(data if png is None else png.bare), formats=IMAGE_FORMATS) as image:
        if png is not None and png.exif is not None:
            image.info["exif"] = b"Exif\0\0" + png.exif
        if least_px is not None and read_jpeg_header(np.frombuffer(data, dtype=np.uint8)).can_shrink:
            image.draft("RGB", (least_px, least_px))
        return plain_frame(image).convert("RGB")


def resized(image: Image.Image, image_px: int) -> np.ndarray:
    """Return ``[3, height, width]`` with the short side `image_px`."""
    long_px = int(MAX_ASPECT * min(image.size))
    if max(image.size) > long_px:
        left, top = max(0, image.width - long_px) // 2, max(0, image.height - long_px) // 2
        image = image.crop((left, top, left + min(image.width, long_px), top + min(image.height, long_px)))
    scale = image_px / min(image.size)
    size = (max(image_px, round(image.width * scale)), max(image_px, round(image.height * scale)))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC)).transpose(2, 0, 1)


def pillow_crop(data: bytes, image_px: int, draw: int) -> np.ndarray:
    """Return ``[3, image_px, image_px]``. Raises what Pillow raises."""
    return crop(resized(opened(data, 2 * image_px), image_px), image_px, draw)
