"""One image, bytes in, resized and encoded bytes out. Runs inside a decode process, on hostile input.

    header (Pillow) -> format, pixels -> is it whole? -> plain JPEG/PNG/WebP ---------> img2dataset's Resizer
                                                     \\-> else Pillow: first frame, upright,
                                                         8-bit RGB on white, as PPM --^

The Resizer decodes, resizes and encodes as img2dataset does, so plain images come out byte for byte as its
users know them. What OpenCV would get wrong (EXIF orientation, 16 bit, CMYK, animations, palettes with
transparency, large alpha images) is made plain first, without loss. Of a PNG Pillow sees the picture only, not what is
written beside it (`schemas.png`). An image is turned as browsers turn it: by EXIF's orientation and by what AVIF says
itself; an orientation that stands in XMP alone turns nothing.
"""

import hashlib
import io
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile

from pipeline.download.decode.truncation import is_whole
from pipeline.download.decode.unreadable import why_unreadable
from pipeline.download.outcome import Encoded, Failure
from schemas.image_files import IMAGE_FORMATS
from schemas.png import PNG_MAGIC, Png, read_png

LARGE_ALPHA_PIXELS = 4_000_000
"""Above this the Resizer's alpha matting in float64 (about 100 bytes per pixel) is left to Pillow."""

_PLAIN_MODES = {
    "JPEG": {"RGB", "L"},
    "MPO": {"RGB", "L"},
    "PNG": {"RGB", "L", "RGBA", "1"},
    "WEBP": {"RGB", "RGBA"},
}

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
            if not plain or _orientation(image) != 1:
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


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation 1 .. 8 by which the pixels are to be turned, 1 for none or a broken one.

    A TIFF's is none here: Pillow's reader turns the pixels itself while it loads them.
    """
    if "exif" not in image.info:
        return 1
    exif = Image.Exif()
    try:
        exif.load(image.info["exif"])  # not getexif(): it would look into XMP, too
        value = exif.get(_EXIF_ORIENTATION, 1)
    except Exception:  # a broken EXIF block is no broken image; Pillow raises nearly every type
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip


def _as_ppm(image: Image.Image) -> bytes:
    """Return the first frame, upright, as 8-bit RGB (PPM) or grey (PGM), transparency on white."""
    image.info.pop("xmp", None)  # where the TIFF reader would look for an orientation next
    image.load()
    frame: Image.Image = image
    if frame.mode == "F" or (frame.mode == "I" and image.format == "TIFF"):
        frame = Image.fromarray(_as_bytes(np.asarray(frame)))
    elif frame.mode.startswith("I;16") or frame.mode == "I":  # "I" of a PGM of 16 bits, too
        samples = np.asarray(frame).astype(np.int64)
        frame = Image.fromarray(((samples.clip(0, 65_535) + 128) // 257).astype(np.uint8))
    if frame.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in frame.info:
        rgba = frame.convert("RGBA")
        frame = Image.new("RGB", rgba.size, (255, 255, 255))
        frame.paste(rgba, mask=rgba.getchannel("A"))
    elif frame.mode not in ("RGB", "L"):
        frame = frame.convert("L" if frame.mode == "1" else "RGB")
    if (orientation := _orientation(image)) in _TRANSPOSITIONS:
        frame = frame.transpose(_TRANSPOSITIONS[orientation])
    magic = b"P6" if frame.mode == "RGB" else b"P5"
    return b"%s %d %d 255\n" % (magic, frame.width, frame.height) + frame.tobytes()


def _as_bytes(grey: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return samples of 32 bits, whole or floating-point, as 8 bits; no tag of TIFF tells what is white of them.

    Floats: 1 by TIFF's rule, 255 where there are larger ones. Whole numbers: 255 or 65,535, the least that no sample
    exceeds, else the largest.
    """
    finite = np.nan_to_num(grey.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    largest = float(finite.max(initial=0.0))
    if grey.dtype.kind == "f":
        white = 1.0 if largest <= 1.0 else 255.0
    else:
        white = next((white for white in (255.0, 65_535.0) if largest <= white), largest)
    return np.clip(np.rint(finite * (255.0 / white)), 0, 255).astype(np.uint8)
