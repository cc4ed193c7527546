"""Image bytes to the square that a model sees: decode, resize the short side, cut (CLIP, section 2.5).

P is the side of the square. Where it is cut is known from the image's size alone, so only what it is made of is
resized; equal to resizing the whole image and cutting it then.
"""

from dataclasses import dataclass

import numpy as np

from trainer.data.decode.crop import Crop
from trainer.data.decode.image import ImageFault, Pixels, decode_rgb, device_header
from trainer.data.decode.resample import resample

__all__ = ["ImageFault", "Pixels", "centre_of", "crop", "decode", "decode_centre", "decode_crop", "file_crop"]

MAX_ASPECT = 8.0
"""A longer image is first cut to its middle, so that the short side never blows up the long one."""


@dataclass(frozen=True)
class _Resized:
    """An image, decoded, and the size that it is to be resized to."""

    rgb: Pixels
    top: int
    left: int
    height: int
    width: int
    """The part of it that is used."""
    new_height: int
    new_width: int

    def cut(self, top: int, left: int, out: Pixels) -> None:
        """Fill `out`, ``[3, rows, columns]``, with the rectangle at (`top`, `left`) of the resized image."""
        stride = 3 * self.rgb.shape[1]
        source = self.rgb.reshape(-1)
        source.flags.writeable = False  # of the view: one type, so the kernel is compiled once
        resample(
            source, self.top * stride + 3 * self.left, stride, self.height, self.width,
            self.new_height, self.new_width, top, left, out,
        )  # fmt: skip


def decode_crop(data: bytes | Pixels, image_px: int, draw: int, out: Pixels, *, is_stored: bool = False) -> None:
    """Fill `out`, uint8 ``[3, P, P]`` and contiguous, with the square that the 64 random bits `draw` choose.

    `is_stored`: of the image as it is stored, without resizing. Raises `ImageFault`.
    """
    opened = _stored(data, image_px) if is_stored else _resized(data, image_px)
    opened.cut(*_corner(opened.new_height, opened.new_width, image_px, draw), out)


def file_crop(data: bytes | Pixels, image_px: int, draw: int, *, is_stored: bool = False) -> Crop | None:
    """Return what `decode_crop` cuts of a JPEG that a device can decode in its place; None: it is for `decode_crop`.

    Only of a file that it would decode at its own size, so that both see the same pixels.
    """
    header = device_header(_as_bytes(data), None if is_stored else 2 * image_px)
    if header is None or (is_stored and min(header.height, header.width) < image_px):
        return None
    part = (0, 0, *2 * (header.height, header.width)) if is_stored else _part(header.height, header.width, image_px)
    return Crop(*part, *_corner(*part[4:], image_px, draw))


def decode_centre(data: bytes | Pixels, image_px: int) -> Pixels:
    """Return the middle square ``[3, P, P]`` of the resized image, as evaluation takes it. Raises `ImageFault`."""
    return centre_of(decode_rgb(_as_bytes(data), 2 * image_px), image_px)


def centre_of(rgb: Pixels, image_px: int) -> Pixels:
    """Return the middle square ``[3, P, P]`` of pixels ``[height, width, 3]``, contiguous, once they are resized."""
    opened = _Resized(rgb, *_part(rgb.shape[0], rgb.shape[1], image_px))
    out = np.empty((3, image_px, image_px), dtype=np.uint8)
    opened.cut((opened.new_height - image_px) // 2, (opened.new_width - image_px) // 2, out)
    return out


def decode(data: bytes | Pixels, image_px: int, *, is_stored: bool = False) -> Pixels:
    """Return the whole resized (or stored) image ``[3, height, width]``, of which `crop` cuts. Raises `ImageFault`."""
    opened = _stored(data, image_px) if is_stored else _resized(data, image_px)
    out = np.empty((3, opened.new_height, opened.new_width), dtype=np.uint8)
    opened.cut(0, 0, out)
    return out


def crop(pixels: Pixels, image_px: int, draw: int) -> Pixels:
    """Return the square ``[3, P, P]`` of a resized image that the 64 random bits `draw` choose."""
    _, height, width = pixels.shape
    top, left = _corner(height, width, image_px, draw)
    return pixels[:, top : top + image_px, left : left + image_px]


def _corner(height: int, width: int, image_px: int, draw: int) -> tuple[int, int]:
    return (draw & 0xFFFFFFFF) * (height - image_px + 1) >> 32, (draw >> 32) * (width - image_px + 1) >> 32


def _as_bytes(data: bytes | Pixels) -> Pixels:
    found = np.frombuffer(data, dtype=np.uint8)
    found.flags.writeable = False  # one type, so the kernels are compiled once
    return found


def _resized(data: bytes | Pixels, image_px: int) -> _Resized:
    rgb = decode_rgb(_as_bytes(data), 2 * image_px)
    return _Resized(rgb, *_part(rgb.shape[0], rgb.shape[1], image_px))


def _part(height: int, width: int, image_px: int) -> tuple[int, int, int, int, int, int]:
    """Return the part of an image that is used (top, left, height, width), and the size that it is resized to."""
    long_px = int(MAX_ASPECT * min(width, height))
    top, left = max(0, height - long_px) // 2, max(0, width - long_px) // 2
    height, width = min(height, long_px), min(width, long_px)
    scale = image_px / min(width, height)
    return top, left, height, width, max(image_px, round(height * scale)), max(image_px, round(width * scale))


def _stored(data: bytes | Pixels, image_px: int) -> _Resized:
    rgb = decode_rgb(_as_bytes(data), None)
    height, width, _ = rgb.shape
    if min(height, width) < image_px:
        raise ImageFault(f"is smaller than the model's {image_px} pixels")
    return _Resized(rgb, 0, 0, height, width, height, width)
