"""One image, bytes in, resized and encoded bytes out. Runs inside a decode process, on hostile input.

    header (Pillow) -> format, pixels -> is it whole? -> plain JPEG/PNG/WebP ---------> img2dataset's Resizer
                                                     \\-> else Pillow: first frame, upright,
                                                         8-bit RGB on white, as PPM --^

The Resizer decodes, resizes and encodes as img2dataset does, so plain images come out byte for byte as its
users know them. What OpenCV would get wrong (EXIF orientation, 16 bit, CMYK, animations, palettes with
transparency, large alpha images) is made plain first, without loss (`schemas.plain_image`). Of a PNG Pillow sees the
picture only, not what is written beside it (`schemas.png`).
"""

import hashlib
import io
import os
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageFile

from pipeline.download.decode.truncation import is_whole
from pipeline.download.decode.unreadable import why_unreadable
from pipeline.download.outcome import Encoded, Failure
from schemas.image_files import IMAGE_FORMATS
from schemas.plain_image import exif_orientation, plain_frame
from schemas.png import PNG_MAGIC, Png, read_png

LARGE_ALPHA_PIXELS = 4_000_000
"""Above this the Resizer's alpha matting in float64 (about 100 bytes per pixel) is left to Pillow."""

_PLAIN_MODES = {
    "JPEG": {"RGB", "L"},
    "MPO": {"RGB", "L"},
    "PNG": {"RGB", "L", "RGBA", "1"},
    "WEBP": {"RGB", "RGBA"},
}


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
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # its import would ask the network for a newer version
        from img2dataset.resizer import Resizer

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
        png = read_png(data) if data.startswith(PNG_MAGIC) else None
        try:
            plain = self._plain_bytes(data, png)
        except MemoryError:
            return Failure("too_many_pixels")
        except Exception as error:  # Pillow's decoders raise nearly every type on broken input
            return Failure("image_truncated" if "truncated" in str(error).lower() else why_unreadable(data))
        if isinstance(plain, Failure):
            return plain
        found = self._resized(plain, data)
        if found is None and png is not None and plain is data and png.bare is not data:
            found = self._resized(png.bare, data)  # OpenCV stumbles over something beside the picture
        return found or Failure(why_unreadable(data))

    def _resized(self, plain: bytes, data: bytes) -> Encoded | None:
        """Return the finished image, None when OpenCV does not decode `plain`, made of `data`."""
        encoded, width, height, original_width, original_height, error_text = self._resizer(io.BytesIO(plain))
        if error_text is not None or not encoded:
            return None
        return Encoded(encoded, width, height, original_width, original_height, hashlib.sha256(data).hexdigest())

    def _plain_bytes(self, data: bytes, png: Png | None) -> bytes | Failure:
        """Return bytes that OpenCV decodes right: `data` itself, or a PPM of its first frame."""
        with Image.open(io.BytesIO(data if png is None else png.bare), formats=IMAGE_FORMATS) as image:
            width, height = image.size
            if width * height > self._settings.max_pixels or self._resized_pixels(width, height) > (
                self._settings.max_pixels
            ):
                return Failure("too_many_pixels")
            if png is not None and png.exif is not None:
                image.info["exif"] = b"Exif\0\0" + png.exif
            kind = image.format or ""
            plain = image.mode in _PLAIN_MODES.get(kind, ()) and not _has_16_bits(image)
            plain = plain and not (png is not None and png.is_animated)
            plain = plain and not (kind == "WEBP" and getattr(image, "is_animated", False))
            plain = plain and not (image.mode == "RGBA" and width * height > LARGE_ALPHA_PIXELS)
            plain = plain and not (image.mode != "RGBA" and "transparency" in image.info)
            if not plain or exif_orientation(image) != 1:
                return _as_ppm(image)
            if png.reaches_end if png is not None else is_whole(kind, data):
                return data
            image.load()  # the arbiter: raises when pixels are missing
            return _as_ppm(image) if kind == "PNG" else data  # without its end mark OpenCV takes no PNG

    def _resized_pixels(self, width: int, height: int) -> int:
        """Return the pixels after resizing: a long thin image would grow without bound."""
        settings = self._settings
        short, long = max(1, min(width, height)), max(width, height)
        if settings.resize_mode not in ("keep_ratio", "center_crop"):
            return 0
        if settings.resize_only_if_bigger and short <= settings.image_size:
            return 0
        return settings.image_size * (settings.image_size * long // short)


def _has_16_bits(image: Image.Image) -> bool:
    """Tell whether a PNG has 16 bits per sample: Pillow shows RGB and RGBA of it as 8, OpenCV would clip it."""
    tiles: list[tuple[Any, ...]] = getattr(image, "tile", [])
    return image.format == "PNG" and any("16" in str(tile[3]) for tile in tiles)


def _as_ppm(image: Image.Image) -> bytes:
    """Return the first frame, upright, as 8-bit RGB (PPM) or grey (PGM), transparency on white."""
    frame = plain_frame(image)
    magic = b"P6" if frame.mode == "RGB" else b"P5"
    return b"%s %d %d 255\n" % (magic, frame.width, frame.height) + frame.tobytes()
