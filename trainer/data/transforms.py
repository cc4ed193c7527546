"""Image bytes to the square that a model sees: decode, resize the short side, cut (CLIP, section 2.5).

P is the side of the square. Where it is cut is known from the image's size alone, so only what it is made of is
resized; equal to resizing the whole image and cutting it then.
"""

import numpy as np

from trainer.data.decode.crop import Crop
from trainer.data.decode.image import ImageFault, Pixels, decode_rgb, device_header
from trainer.data.decode.resample import resample

__all__ = ["ImageFault", "Pixels", "centre_of", "crop", "decode", "decode_centre", "decode_crop", "file_crop"]

MAX_ASPECT = 8.0
"""A longer image is first cut to its middle, so that the short side never blows up the long one."""


def decode_crop(data: bytes | Pixels, image_px: int, draw: int, out: Pixels, *, is_stored: bool = False) -> None:
    """Fill `out`, uint8 ``[3, P, P]`` and contiguous, with the square that the 64 random bits `draw` choose.

    `is_stored`: of the image as it is stored, without resizing. Raises `ImageFault`.
    """
    rgb, whole = _stored(data, image_px) if is_stored else _resized(data, image_px)
    _cut(rgb, _square(whole, image_px, draw), out)


def file_crop(data: bytes | Pixels, image_px: int, draw: int, *, is_stored: bool = False) -> Crop | None:
    """Return what `decode_crop` cuts of a JPEG that a device can decode in its place; None: it is for `decode_crop`.

    Only of a file that it would decode at its own size, so that both see the same pixels.
    """
    header = device_header(_as_bytes(data), None if is_stored else 2 * image_px)
    if header is None or (is_stored and min(header.height, header.width) < image_px):
        return None
    size = header.height, header.width
    return _square(Crop(0, 0, *size, *size) if is_stored else _short_side(*size, image_px), image_px, draw)


def decode_centre(data: bytes | Pixels, image_px: int) -> Pixels:
    """Return the middle square ``[3, P, P]`` of the resized image, as evaluation takes it. Raises `ImageFault`."""
    return centre_of(decode_rgb(_as_bytes(data), 2 * image_px), image_px)


def centre_of(rgb: Pixels, image_px: int) -> Pixels:
    """Return the middle square ``[3, P, P]`` of pixels ``[height, width, 3]``, contiguous, once they are resized."""
    whole = _short_side(rgb.shape[0], rgb.shape[1], image_px)
    out = np.empty((3, image_px, image_px), dtype=np.uint8)
    top, left = (whole.new_height - image_px) // 2, (whole.new_width - image_px) // 2
    _cut(rgb, whole._replace(square_top=top, square_left=left), out)
    return out


def decode(data: bytes | Pixels, image_px: int, *, is_stored: bool = False) -> Pixels:
    """Return the whole resized (or stored) image ``[3, height, width]``, of which `crop` cuts. Raises `ImageFault`."""
    rgb, whole = _stored(data, image_px) if is_stored else _resized(data, image_px)
    out = np.empty((3, whole.new_height, whole.new_width), dtype=np.uint8)
    _cut(rgb, whole, out)
    return out


def crop(pixels: Pixels, image_px: int, draw: int) -> Pixels:
    """Return the square ``[3, P, P]`` of a resized image that the 64 random bits `draw` choose."""
    _, height, width = pixels.shape
    top, left = _corner(height, width, image_px, draw)
    return pixels[:, top : top + image_px, left : left + image_px]


def _corner(height: int, width: int, image_px: int, draw: int) -> tuple[int, int]:
    return (draw & 0xFFFFFFFF) * (height - image_px + 1) >> 32, (draw >> 32) * (width - image_px + 1) >> 32


def _square(whole: Crop, image_px: int, draw: int) -> Crop:
    top, left = _corner(whole.new_height, whole.new_width, image_px, draw)
    return whole._replace(square_top=top, square_left=left)


def _as_bytes(data: bytes | Pixels) -> Pixels:
    found = np.frombuffer(data, dtype=np.uint8)
    found.flags.writeable = False  # one type, so the kernels are compiled once
    return found


def _resized(data: bytes | Pixels, image_px: int) -> tuple[Pixels, Crop]:
    """Return the image and how it is resized."""
    rgb = decode_rgb(_as_bytes(data), 2 * image_px)
    return rgb, _short_side(rgb.shape[0], rgb.shape[1], image_px)


def _stored(data: bytes | Pixels, image_px: int) -> tuple[Pixels, Crop]:
    """Return the image, and that it is not resized."""
    rgb = decode_rgb(_as_bytes(data), None)
    height, width, _ = rgb.shape
    if min(height, width) < image_px:
        raise ImageFault(f"is smaller than the model's {image_px} pixels")
    return rgb, Crop(0, 0, height, width, height, width)


def _short_side(height: int, width: int, image_px: int) -> Crop:
    """Return the part of an image of this size that is used, its short side resized to the model's."""
    long_px = int(MAX_ASPECT * min(width, height))
    top, left = max(0, height - long_px) // 2, max(0, width - long_px) // 2
    height, width = min(height, long_px), min(width, long_px)
    scale = image_px / min(width, height)
    return Crop(top, left, height, width, max(image_px, round(height * scale)), max(image_px, round(width * scale)))


def _cut(rgb: Pixels, cut: Crop, out: Pixels) -> None:
    """Fill `out`, ``[3, rows, columns]``, with the rectangle of the resized image at the square's corner."""
    stride = 3 * rgb.shape[1]
    source = rgb.reshape(-1)
    source.flags.writeable = False  # of the view: one type, so the kernel is compiled once
    resample(
        source, cut.top * stride + 3 * cut.left, stride, cut.height, cut.width,
        cut.new_height, cut.new_width, cut.square_top, cut.square_left, out,
    )  # fmt: skip
