"""One image, bytes in, resized and encoded bytes out. Runs inside a decode process, on hostile input.

    header (Pillow) -> format, pixels -> is it whole? -> plain JPEG/PNG/WebP ---------> img2dataset's Resizer
                                                     \\-> else Pillow: first frame, upright,
                                                         8-bit RGB on white, as PPM --^

The Resizer decodes, resizes and encodes as img2dataset does, so plain images come out byte for byte as its
users know them. What OpenCV would get wrong (EXIF orientation, 16 bit, CMYK, animations, palettes with
transparency, large alpha images) is made plain first, without loss.
"""

import hashlib
import io
import os
import re
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # its import would ask the network for a newer version

import numpy as np
from img2dataset.resizer import Resizer
from PIL import ExifTags, Image, ImageFile

from pipeline.download.outcome import Encoded, Failure
from schemas.image_files import IMAGE_FORMATS

LARGE_ALPHA_PIXELS = 4_000_000
"""Above this the Resizer's alpha matting in float64 (about 100 bytes per pixel) is left to Pillow."""

_PLAIN_MODES = {
    "JPEG": {"RGB", "L"},
    "MPO": {"RGB", "L"},
    "PNG": {"RGB", "L", "RGBA", "1"},
    "WEBP": {"RGB", "RGBA"},
}

_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")

_EXIF_ORIENTATION = ExifTags.Base.Orientation


@dataclass(frozen=True, kw_only=True)
class DecodeSettings:
    """What decides the stored bytes; the fields of `DownloadConfig` of the same names."""

    image_size: int
    resize_mode: str
    resize_only_if_bigger: bool
    encode_format: str
    encode_quality: int
    skip_reencode: bool
    max_pixels: int


class Decoder:
    """Decodes, checks, resizes and encodes one image after the other."""

    def __init__(self, settings: DecodeSettings) -> None:
        Image.MAX_IMAGE_PIXELS = None  # checked here, as a rejection instead of a warning
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        self._settings = settings
        self._resizer = Resizer(
            image_size=settings.image_size,
            resize_mode=settings.resize_mode,
            resize_only_if_bigger=settings.resize_only_if_bigger,
            encode_quality=settings.encode_quality,
            encode_format=settings.encode_format,
            skip_reencode=settings.skip_reencode,
        )

    def __call__(self, data: bytes) -> Encoded | Failure:
        """Return the finished image or why there is none. Never raises for what the bytes can hold."""
        try:
            plain = self._plain_bytes(data)
        except MemoryError:
            return Failure("too_many_pixels")
        except Exception as error:  # Pillow's decoders raise nearly every type on broken input
            return Failure("image_truncated" if "truncated" in str(error).lower() else "decode_failed")
        if isinstance(plain, Failure):
            return plain
        encoded, width, height, original_width, original_height, error_text = self._resizer(io.BytesIO(plain))
        if error_text is not None or not encoded:
            return Failure("decode_failed")
        return Encoded(encoded, width, height, original_width, original_height, hashlib.sha256(data).hexdigest())

    def _plain_bytes(self, data: bytes) -> bytes | Failure:
        """Return bytes that OpenCV decodes right: `data` itself, or a PPM of its first frame."""
        try:
            image = Image.open(io.BytesIO(data), formats=IMAGE_FORMATS)
        except Image.UnidentifiedImageError:
            return Failure(_unreadable_reason(data))
        with image:
            width, height = image.size
            if width * height > self._settings.max_pixels or self._resized_pixels(width, height) > (
                self._settings.max_pixels
            ):
                return Failure("too_many_pixels")
            kind = image.format or ""
            plain = image.mode in _PLAIN_MODES.get(kind, ()) and not _has_16_bits(image)
            plain = plain and not (kind in ("PNG", "WEBP") and getattr(image, "is_animated", False))
            plain = plain and not (image.mode == "RGBA" and width * height > LARGE_ALPHA_PIXELS)
            plain = plain and not (image.mode != "RGBA" and "transparency" in image.info)
            orientation = _orientation(image)
            if plain and orientation == 1:
                if not is_whole(kind, data):
                    image.load()  # the arbiter: raises when pixels are missing
                return data
            return _as_ppm(image, orientation)

    def _resized_pixels(self, width: int, height: int) -> int:
        """Return the pixels after resizing: a long thin image would grow without bound."""
        settings = self._settings
        short, long = max(1, min(width, height)), max(width, height)
        if settings.resize_mode not in ("keep_ratio", "center_crop"):
            return 0
        if settings.resize_only_if_bigger and short <= settings.image_size:
            return 0
        return settings.image_size * (settings.image_size * long // short)


def is_whole(kind: str, data: bytes) -> bool:
    """Tell whether the container of a JPEG, PNG or WebP reaches its end mark. OpenCV fills what is missing with grey.

    Cheaper than a second decode (about 30 microseconds for a JPEG of 100 KB). JPEG: markers are walked, so the end
    mark of an embedded thumbnail does not count.
    """
    if kind in ("JPEG", "MPO"):
        return _jpeg_reaches_end(data)
    if kind == "PNG":
        return _png_reaches_end(data)
    return len(data) >= 8 + int.from_bytes(data[4:8], "little")


def _jpeg_reaches_end(data: bytes) -> bool:
    position = 2
    while True:
        found = _JPEG_MARKER.search(data, position)
        if found is None:
            return False
        marker = data[found.start() + 1]
        if marker == 0xD9:
            return True
        if marker in (0x01, 0xD8):
            position = found.end()
            continue
        position = found.end() + max(2, int.from_bytes(data[found.end() : found.end() + 2], "big"))


def _png_reaches_end(data: bytes) -> bool:
    position = 8
    while position + 12 <= len(data):
        if data[position + 4 : position + 8] == b"IEND":
            return True
        position += 12 + int.from_bytes(data[position : position + 4], "big")
    return False


def _has_16_bits(image: Image.Image) -> bool:
    """Tell whether a PNG has 16 bits per sample: Pillow shows RGB and RGBA of it as 8, OpenCV would clip it."""
    tiles: list[tuple[Any, ...]] = getattr(image, "tile", [])
    return image.format == "PNG" and any("16" in str(tile[3]) for tile in tiles)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation 1 .. 8, 1 when there is none or it is broken."""
    if "exif" not in image.info and image.format != "TIFF":
        return 1
    try:
        value = image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # a broken EXIF block is no broken image; Pillow raises nearly every type
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip


def _as_ppm(image: Image.Image, orientation: int) -> bytes:
    """Return the first frame, upright, as 8-bit RGB (PPM) or grey (PGM), transparency on white."""
    image.load()
    frame: Image.Image = image
    if frame.mode.startswith("I;16") or frame.mode == "I":
        samples = np.asarray(frame).astype(np.int64)
        frame = Image.fromarray(((samples.clip(0, 65_535) + 128) // 257).astype(np.uint8))
    if frame.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in frame.info:
        rgba = frame.convert("RGBA")
        frame = Image.new("RGB", rgba.size, (255, 255, 255))
        frame.paste(rgba, mask=rgba.getchannel("A"))
    elif frame.mode not in ("RGB", "L"):
        frame = frame.convert("L" if frame.mode in ("1", "F") else "RGB")
    if orientation in _TRANSPOSITIONS:
        frame = frame.transpose(_TRANSPOSITIONS[orientation])
    magic = b"P6" if frame.mode == "RGB" else b"P5"
    return b"%s %d %d 255\n" % (magic, frame.width, frame.height) + frame.tobytes()


def _unreadable_reason(data: bytes) -> str:
    """Tell an image of another format from bytes that are no image, by all headers Pillow knows."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return "format_not_allowed" if image.format not in IMAGE_FORMATS else "decode_failed"
    except Exception:  # as above; here only the header is read
        return "decode_failed" if _MAGIC.match(data) else "not_an_image"


_MAGIC = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|BM....\0\0\0\0|II\*\0|MM\0\*", re.DOTALL)
"""Starts of the formats read: an image by its mark, but its header is broken."""
