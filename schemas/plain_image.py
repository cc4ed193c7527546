"""The one rule of how a picture is looked at: first frame, upright, 8 bits, on white.

In: an image that Pillow has opened. Out: the same as RGB or grey, as a browser shows it. ``pipeline download`` makes
images plain by it before they are stored, ``trainer`` before it trains on them or classifies them. An image is turned
by EXIF's orientation and by what AVIF says itself; an orientation that stands in XMP alone turns nothing.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

_EXIF_ORIENTATION = ExifTags.Base.Orientation

_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip


def exif_orientation(image: Image.Image) -> int:
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


MAX_SLOW_PIXELS = 1 << 22
"""Of a Netpbm file that Pillow decodes in Python, about a microsecond a sample: written as text, or of odd depth."""


def plain_frame(image: Image.Image) -> Image.Image:
    """Return the first frame, upright, as 8-bit RGB or grey (``L``), transparency on white.

    Raises what Pillow's decoders raise for broken bytes: nearly every type; ValueError for a Netpbm file that would
    keep one busy for long.
    """
    if image.format == "PPM":
        _check_netpbm(image)
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
    if (orientation := exif_orientation(image)) in _TRANSPOSITIONS:
        frame = frame.transpose(_TRANSPOSITIONS[orientation])
    return frame


def _check_netpbm(image: Any) -> None:
    """Raise ValueError for many pixels that Pillow decodes in Python, or for text with comments among them.

    It cuts each comment out by a copy of all behind it: a file of 1 MB keeps it busy for a minute.
    """
    coding, _, offset, _ = image.tile[0]
    if coding != "raw" and image.width * image.height > MAX_SLOW_PIXELS:
        raise ValueError(f"expected at most {MAX_SLOW_PIXELS} pixels of a Netpbm file of this kind")
    if coding == "ppm_plain":
        image.fp.seek(offset)
        if b"#" in image.fp.read():
            raise ValueError("expected no comment among the pixels of a Netpbm file")
        image.fp.seek(offset)


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
