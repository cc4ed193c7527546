"""The bytes of an image to RGB pixels, as `pipeline download` looks at them (`schemas/plain_image.py`), within bounds.

    JPEG as nearly every writer writes it -> libjpeg-turbo (simplejpeg), turned --> [height, width, 3]
      anything odd, or any complaint  \\
    PNG, WebP, GIF, CMYK, ... ----------> Pillow: first frame, upright, on white -^

libjpeg-turbo is what Pillow decodes a JPEG with; called directly it needs a third of the time and does not hold
Python's lock. Where it complains Pillow decides, so that a damaged image is one exactly when it is one for Pillow.
"""

import io
import warnings
from functools import cache

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

from schemas.image_files import IMAGE_FORMATS
from schemas.plain_image import plain_frame
from schemas.png import PNG_MAGIC, read_png
from trainer.data.decode.jpeg_header import JpegHeader, read_jpeg_header

MAX_PIXELS = 100_000_000
"""Bigger images are refused before they are decoded."""
MAX_SCANNED_PIXELS = 20 * MAX_PIXELS
"""Pixels of a JPEG times its scans; beyond it a file of a few kilobytes keeps a decoder busy for minutes. Twenty scans
of the largest picture, or 160 of one of 12 megapixels; usual are 1 to 12."""

_SHRINKS = (8, 4, 2)

Pixels = npt.NDArray[np.uint8]


class ImageFault(ValueError):
    """An image that cannot be used; the message, which follows the image's name, is one of a few fixed texts."""


def decode_rgb(data: Pixels, least_px: int | None) -> Pixels:
    """Return ``[height, width, 3]``. Raises `ImageFault`.

    A JPEG is decoded at a half, a quarter or an eighth of its size where both sides keep at least `least_px`; None:
    at its own.
    """
    header = read_jpeg_header(data)
    if header.is_plain:
        _check_pixels(header.width, header.height)
        if header.width * header.height * header.num_scans > MAX_SCANNED_PIXELS:
            raise ImageFault("has too many scans")
        shrink = _shrink(header.width, header.height, least_px)
        shape = (-(-header.height // shrink), -(-header.width // shrink), 3)
        try:
            found = simplejpeg.decode_jpeg(data, min_height=shape[0], min_width=shape[1])
        except (ValueError, MemoryError):
            found = None
        if found is not None and found.shape == shape:
            return _turned(found, header.orientation)
    return _by_pillow(data, header.num_scans, least_px if header.can_shrink else None)


def device_header(data: Pixels, least_px: int | None) -> JpegHeader | None:
    """Return the header of a JPEG that `decode_rgb` decodes at its own size, and a device can; None for all else."""
    header = JpegHeader(*read_jpeg_header(data))
    num_pixels = header.width * header.height
    if not header.is_for_devices or num_pixels > MAX_PIXELS or num_pixels * header.num_scans > MAX_SCANNED_PIXELS:
        return None
    return header if _shrink(header.width, header.height, least_px) == 1 else None


def _check_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageFault("has too many pixels")


def _shrink(width: int, height: int, least_px: int | None) -> int:
    """Return what Pillow's ``draft`` divides the sides by."""
    if least_px is None:
        return 1
    most = min(width // least_px, height // least_px)
    return next((shrink for shrink in _SHRINKS if most >= shrink), 1)


def _turned(pixels: Pixels, orientation: int) -> Pixels:
    """Return pixels upright that are stored by EXIF's `orientation`."""
    if orientation == 1:
        return pixels
    if orientation in (2, 3, 7, 8):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 6, 7):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels.transpose(1, 0, 2) if orientation >= 5 else pixels)


def _by_pillow(data: Pixels, num_scans: int, least_px: int | None) -> Pixels:
    _hush_pillow()
    try:
        file = data.tobytes()
        png = read_png(file) if file.startswith(PNG_MAGIC) else None
        with Image.open(io.BytesIO(file if png is None else png.bare), formats=IMAGE_FORMATS) as image:
            _check_pixels(*image.size)
            if image.format in ("JPEG", "MPO") and image.width * image.height * num_scans > MAX_SCANNED_PIXELS:
                raise ImageFault("has too many scans")
            if png is not None and png.exif is not None:
                image.info["exif"] = b"Exif\0\0" + png.exif
            if least_px is not None:
                image.draft("RGB", (least_px, least_px))
            return np.asarray(plain_frame(image).convert("RGB"))
    except ImageFault:
        raise
    except Exception as error:  # Pillow's decoders raise many types for broken bytes; each costs one image only
        raise ImageFault("does not decode") from error


@cache
def _hush_pillow() -> None:
    """Leave out what Pillow says about images of strangers. Once: `catch_warnings` is not for several threads."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
