"""One image, bytes in, resized and encoded bytes out. Runs inside a decode process, on hostile input.

    header (Pillow) -> format, pixels -> is it whole? -> plain JPEG/PNG/WebP ---------> resizer: exact or fast
                                                     \\-> else Pillow: first frame, upright,
                                                         8-bit RGB on white, as PPM --^

`exact` decodes, resizes and encodes as img2dataset does, so plain images come out byte for byte as its users know
them; `fast` (`decode.fast`) reduces JPEGs while it decodes them. What OpenCV would get wrong (EXIF orientation, 16
bit, CMYK, animations, palettes with transparency, large alpha images) is made plain first, without loss
(`schemas.plain_image`). Of a PNG Pillow sees the picture only, not what is written beside it (`schemas.png`).
"""

import hashlib
import io
from dataclasses import dataclass, replace
from typing import Any

import cv2
from PIL import Image, ImageFile

from pipeline.download.content.arguments import read_arguments
from pipeline.download.content.colour import ColourProfiles
from pipeline.download.content.exif import exif_json
from pipeline.download.content.jpeg_xl import FORMAT as JPEG_XL
from pipeline.download.content.jpeg_xl import is_jpeg_xl, read_jpeg_xl
from pipeline.download.content.limits import size_reason
from pipeline.download.content.look import Look
from pipeline.download.content.near import NearHashes, unpacked
from pipeline.download.content.settings import ContentSettings
from pipeline.download.decode.exact import ExactResizer
from pipeline.download.decode.options import Decode
from pipeline.download.decode.truncation import is_whole
from pipeline.download.decode.unreadable import why_unreadable
from pipeline.download.outcome import Encoded, Failure
from schemas.image_files import IMAGE_FORMATS
from schemas.plain_image import exif_orientation, plain_frame
from schemas.png import PNG_MAGIC, Png, read_png

LARGE_ALPHA_PIXELS = 4_000_000
"""Above this img2dataset's alpha matting in float64 (about 100 bytes per pixel) is left to Pillow."""

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
    upscale_interpolation: str = "lanczos"
    downscale_interpolation: str = "area"
    disable_all_reencoding: bool = False
    decode: Decode = "exact"


class Decoder:
    """Decodes, checks, resizes and encodes one image after the other."""

    def __init__(self, settings: DecodeSettings, content: ContentSettings | None = None) -> None:
        Image.MAX_IMAGE_PIXELS = None  # checked here, as a rejection instead of a warning
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        self._settings = settings
        self._content = content or ContentSettings()
        self._look = Look()
        self._near = NearHashes(unpacked(self._content.evaluation_hashes), self._content.decontaminate_bits)
        self._profiles = ColourProfiles() if self._content.colour_profile == "srgb" else None
        self._formats = IMAGE_FORMATS
        if self._content.jpeg_xl:
            read_jpeg_xl()
            self._formats = (*IMAGE_FORMATS, JPEG_XL)
        self._resizer = _resizer(settings, self._look)

    def __call__(self, data: bytes, arguments: bytes = b"") -> Encoded | Failure:
        """Return the finished image or why there is none. Never raises for what the bytes can hold.

        `arguments` is what the list says of the image (`content.arguments`).
        """
        asked = read_arguments(arguments)
        if asked.boxes is None:
            return Failure("boxes_malformed")
        kind = self._content.verify_hash
        if kind is not None and hashlib.new(kind, data).hexdigest() != asked.expected_hash:
            return Failure("hash_mismatch")
        self._look.begin(asked)
        found = self._encoded(data)
        return self._noted(found, data) if isinstance(found, Encoded) else found

    def _noted(self, found: Encoded, data: bytes) -> Encoded | Failure:
        """Return the image with what is noted of it, or that it looks like one of the evaluation set."""
        content, phash = self._content, self._look.phash
        if phash is not None and self._near.nearest(phash) is not None:
            return Failure(
                "decontaminated", original_width=found.original_width, original_height=found.original_height,
                phash=phash,
            )  # fmt: skip
        return replace(
            found,
            phash=phash,
            exif=exif_json(data) if content.extract_exif else None,
            further_hash=hashlib.new(content.further_hash, data).hexdigest() if content.further_hash else None,
            colours=self._look.colours,
        )

    def _encoded(self, data: bytes) -> Encoded | Failure:
        png = read_png(data) if data.startswith(PNG_MAGIC) else None
        try:
            plain = self._plain_bytes(data, png)
        except MemoryError:
            return Failure("too_many_pixels")
        except Exception as error:  # Pillow's decoders raise nearly every type on broken input
            return Failure("image_truncated" if "truncated" in str(error).lower() else self._why_unreadable(data))
        if isinstance(plain, Failure | Encoded):
            return plain
        found = self._resized(plain, data)
        if found is None and png is not None and plain is data and png.bare is not data:
            found = self._resized(png.bare, data)  # OpenCV stumbles over something beside the picture
        return found or Failure(self._why_unreadable(data))

    def _why_unreadable(self, data: bytes) -> str:
        return "decode_failed" if self._content.jpeg_xl and is_jpeg_xl(data) else why_unreadable(data)

    def _resized(self, plain: bytes, data: bytes) -> Encoded | None:
        """Return the finished image, None when OpenCV does not take `plain`, made of `data`."""
        try:
            found = self._resizer(plain, self._look.boxes)
        except (cv2.error, MemoryError, RuntimeError):  # a size that the format has not; memory (torch: RuntimeError)
            return None
        return Encoded(*found, hashlib.sha256(data).hexdigest()) if found is not None and found.data else None

    def _plain_bytes(self, data: bytes, png: Png | None) -> bytes | Failure | Encoded:
        """Return bytes that OpenCV decodes right: `data` itself, or a PPM of its first frame.

        Or the finished image, where nothing is to be decoded.
        """
        with Image.open(io.BytesIO(data if png is None else png.bare), formats=self._formats) as image:
            width, height = image.size
            if width * height > self._settings.max_pixels or self._resized_pixels(width, height) > (
                self._settings.max_pixels
            ):
                return Failure("too_many_pixels", original_width=width, original_height=height)
            reason = size_reason(width, height, self._content.min_image_size, self._content.max_aspect_ratio)
            if reason is not None:
                return Failure(reason, original_width=width, original_height=height)
            if png is not None and png.exif is not None:
                image.info["exif"] = b"Exif\0\0" + png.exif
            kind = image.format or ""
            if self._settings.disable_all_reencoding:
                if not (png.reaches_end if png is not None else is_whole(kind, data)):
                    image.load()  # as below
                return Encoded(data, width, height, width, height, hashlib.sha256(data).hexdigest())
            self._look.orientation = exif_orientation(image)
            if self._profiles is not None:
                frame, self._look.colours = self._profiles.srgb_frame(image, data)
                if frame is not None:
                    return _as_pnm(frame)
            plain = image.mode in _PLAIN_MODES.get(kind, ()) and not _has_16_bits(image)
            plain = plain and not (png is not None and png.is_animated)
            plain = plain and not (kind == "WEBP" and getattr(image, "is_animated", False))
            plain = plain and not (image.mode == "RGBA" and width * height > LARGE_ALPHA_PIXELS)
            plain = plain and not (image.mode != "RGBA" and "transparency" in image.info)
            if not plain or self._look.orientation != 1:
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


def _resizer(settings: DecodeSettings, look: Look) -> ExactResizer:
    fields: dict[str, Any] = {
        "image_size": settings.image_size, "resize_mode": settings.resize_mode,
        "resize_only_if_bigger": settings.resize_only_if_bigger, "encode_quality": settings.encode_quality,
        "encode_format": settings.encode_format, "skip_reencode": settings.skip_reencode,
        "look": look,
    }  # fmt: skip
    if settings.decode == "exact":
        return ExactResizer(
            upscale_interpolation=settings.upscale_interpolation,
            downscale_interpolation=settings.downscale_interpolation,
            **fields,
        )
    from pipeline.download.decode.fast.resizer import FastResizer  # torch: 2.6 s of CPU

    return FastResizer(max_pixels=settings.max_pixels, **fields)


def _has_16_bits(image: Image.Image) -> bool:
    """Tell whether a PNG has 16 bits per sample: Pillow shows RGB and RGBA of it as 8, OpenCV would clip it."""
    tiles: list[tuple[Any, ...]] = getattr(image, "tile", [])
    return image.format == "PNG" and any("16" in str(tile[3]) for tile in tiles)


def _as_ppm(image: Image.Image) -> bytes:
    """Return the first frame, upright, as 8-bit RGB (PPM) or grey (PGM), transparency on white."""
    return _as_pnm(plain_frame(image))


def _as_pnm(frame: Image.Image) -> bytes:
    magic = b"P6" if frame.mode == "RGB" else b"P5"
    return b"%s %d %d 255\n" % (magic, frame.width, frame.height) + frame.tobytes()
