"""img2dataset's Resizer on OpenCV alone: bytes in, the same bytes out, without the packages that it imports.

In: bytes that OpenCV decodes right. Out: the resized and encoded image. img2dataset reaches `cv2.resize` through
albumentations, whose import takes 5.9 s of CPU and 350 MiB in each decode process; what it does to the pixels is a
resize, a crop and a border. The tests hold each mode against img2dataset's own Resizer (1.47), byte for byte.
"""

import imghdr
import io
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""Height x width x BGR, or height x width of grey."""

INTERPOLATIONS = {
    "nearest": cv2.INTER_NEAREST, "linear": cv2.INTER_LINEAR, "bilinear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC,
    "bicubic": cv2.INTER_CUBIC, "area": cv2.INTER_AREA, "lanczos": cv2.INTER_LANCZOS4, "lanczos4": cv2.INTER_LANCZOS4,
}  # fmt: skip
"""img2dataset's names of OpenCV's filters."""

_QUALITY = {
    "jpg": cv2.IMWRITE_JPEG_QUALITY,
    "png": cv2.IMWRITE_PNG_COMPRESSION,
    "webp": cv2.IMWRITE_WEBP_QUALITY,
}


class Resized(NamedTuple):
    """A finished image; sizes in pixels."""

    data: bytes
    width: int
    height: int
    original_width: int
    original_height: int


class ExactResizer:
    """Decodes, resizes and encodes one image after the other, as `img2dataset.resizer.Resizer` does."""

    def __init__(
        self,
        *,
        image_size: int,
        resize_mode: str,
        resize_only_if_bigger: bool,
        encode_quality: int,
        encode_format: str,
        skip_reencode: bool,
        upscale_interpolation: str = "lanczos",
        downscale_interpolation: str = "area",
        look: Callable[..., Pixels] | None = None,
    ) -> None:
        """`look` is called with the resized picture (``img``) and its boxes (``bbox_list``), as img2dataset calls its
        blurrer; what it returns is cropped, bordered and stored."""
        cv2.setNumThreads(1)  # a decode process for each core
        self._upscale = INTERPOLATIONS[upscale_interpolation]
        self._downscale = INTERPOLATIONS[downscale_interpolation]
        self._look = look
        self._image_size = image_size
        self._resize_mode = resize_mode
        self._only_if_bigger = resize_only_if_bigger
        self._encode_format = encode_format
        self._encode_params = [int(_QUALITY[encode_format]), encode_quality]
        self._kept_kind = {"jpg": "jpeg"}.get(encode_format, encode_format) if skip_reencode else None

    def __call__(self, data: bytes, boxes: Sequence[Any] = ()) -> Resized | None:
        """Return the finished image, None when its bytes are not decoded. Raises MemoryError, cv2.error.

        `boxes`: what `look` is to hide; bytes that hold it are never kept.
        """
        decoded = self.decode(data)
        if decoded is None:
            return None
        pixels, original_width, original_height, as_it_is = decoded
        size = self.target_size(original_width, original_height)
        if size is not None:
            pixels = self.scale(pixels, size)
        if self._look is not None:
            pixels = self._look(img=pixels, bbox_list=boxes)
        if size is not None:
            if self._resize_mode == "center_crop":
                pixels = _centre(pixels, self._image_size)
            elif self._resize_mode == "border":
                pixels = _bordered(pixels, self._image_size)
        as_it_is = as_it_is and size is None and not boxes
        height, width = pixels.shape[:2]
        if not (as_it_is and self._kept_kind is not None and imghdr.what(io.BytesIO(data)) == self._kept_kind):
            data = self.encode(pixels)
        return Resized(data, width, height, original_width, original_height)

    def decode(self, data: bytes) -> tuple[Pixels, int, int, bool] | None:
        """Return the pixels, width and height of the whole, and whether `data` holds the same picture."""
        pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is None:
            return None
        as_it_is = pixels.ndim == 2 or pixels.shape[2] != 4
        if not as_it_is:
            pixels = _on_white(pixels)
        return pixels, pixels.shape[1], pixels.shape[0], as_it_is

    def target_size(self, width: int, height: int) -> tuple[int, int] | None:
        """Return (width, height) to resize to, before cropping or bordering; None to leave it."""
        if self._resize_mode == "no":
            return None
        by_short = self._resize_mode in ("keep_ratio", "center_crop")
        side = min(width, height) if by_short else max(width, height)
        if self._only_if_bigger and side <= self._image_size:
            return None
        scale = self._image_size / side
        return max(1, round(width * scale)), max(1, round(height * scale))

    def scale(self, pixels: Pixels, size: tuple[int, int]) -> Pixels:
        """Return the pixels at `size`: means of areas when they become fewer, Lanczos (8 x 8) when more."""
        height, width = pixels.shape[:2]
        if size == (width, height):
            return pixels
        by_short = self._resize_mode in ("keep_ratio", "center_crop")
        reduced = (min(width, height) if by_short else max(width, height)) > self._image_size
        return np.asarray(
            cv2.resize(pixels, size, interpolation=self._downscale if reduced else self._upscale), np.uint8
        )

    def encode(self, pixels: Pixels) -> bytes:
        """Return the file. Raises cv2.error for a size that the format has not (JPEG 65,500, WebP 16,383)."""
        return cv2.imencode(f".{self._encode_format}", pixels, self._encode_params)[1].tobytes()


def _on_white(pixels: Any) -> Pixels:
    alpha = pixels[:, :, 3, np.newaxis]
    mixed = alpha / 255 * pixels[..., :3] + 255 - alpha
    return np.rint(mixed.clip(min=0, max=255)).astype(np.uint8)


def _centre(pixels: Pixels, side: int) -> Pixels:
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])


def _bordered(pixels: Pixels, side: int) -> Pixels:
    more_height, more_width = max(0, side - pixels.shape[0]), max(0, side - pixels.shape[1])
    top, left = more_height // 2, more_width // 2
    found = cv2.copyMakeBorder(
        pixels, top, more_height - top, left, more_width - left, cv2.BORDER_CONSTANT, value=(255, 255, 255)
    )
    return np.asarray(found, np.uint8)
