"""Colours of other spaces as sRGB: an image with its ICC profile in, the picture as a screen would show it out.

A profile whose colours are those of sRGB (within one step of 255) leaves the image as it is, to the byte. Profiles are
numbers of strangers: of bounded size, and what LittleCMS does not take is passed over, as browsers do.
"""

import hashlib
import io
import zlib
from collections import OrderedDict
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from schemas.plain_image import plain_frame
from schemas.png import PNG_MAGIC

MAX_PROFILE_BYTES = 4 << 20
"""CMYK profiles of printers have 0.5 to 2.5 MB."""
TRANSFORMS_KEPT = 32
SAME_WITHIN = 1

CONVERTED, IGNORED = "converted", "ignored"

_MODES = {"RGB ": "RGB", "CMYK": "CMYK", "GRAY": "L"}
"""Pillow's mode for a profile's space."""


class ProfileIgnored(ValueError):
    """The profile is too large, broken, or of another space than the picture."""


class ColourProfiles:
    """Transforms to sRGB, kept for the profiles met last: most images share a few."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, ImageCms.ImageCmsTransform | str | None] = OrderedDict()
        self._srgb = ImageCms.createProfile("sRGB")

    def srgb_frame(self, image: Image.Image, data: bytes) -> tuple[Image.Image | None, str | None]:
        """Return the plain frame (`plain_frame`) of the opened `image` in sRGB, and what became of its profile.

        No frame: the image is to be taken as it is. `data` is the file. Raises what Pillow's decoders raise.
        """
        profile = profile_of(image, data)
        if profile is None:
            return None, None
        try:
            transform, mode = self._transform(profile)
        except ProfileIgnored:
            return None, IGNORED
        if transform is None:
            return None, None
        if mode == "CMYK":
            if image.mode != "CMYK":
                return None, IGNORED
            image.load()
            turned = self._applied(transform, image)
            if "exif" in image.info:
                turned.info["exif"] = image.info["exif"]  # by which it is to be turned
            return plain_frame(turned), CONVERTED
        if image.mode == "CMYK":
            return None, IGNORED
        frame = plain_frame(image)
        if frame.mode != mode:
            return None, IGNORED
        converted = self._applied(transform, frame)
        return (converted.getchannel(0) if mode == "L" else converted), CONVERTED

    def _applied(self, transform: ImageCms.ImageCmsTransform, image: Image.Image) -> Image.Image:
        converted = ImageCms.applyTransform(image, transform)
        assert converted is not None
        converted.info.clear()
        return converted

    def _transform(self, profile: bytes) -> tuple[ImageCms.ImageCmsTransform | None, str]:
        """Return the transform, None when there is nothing to change, and the mode it takes."""
        if len(profile) > MAX_PROFILE_BYTES:
            raise ProfileIgnored
        key = hashlib.sha256(profile).digest()
        mode = _MODES.get(profile[16:20].decode("ascii", "replace"), "")
        if key in self._kept:
            self._kept.move_to_end(key)
        else:
            self._kept[key] = self._made(profile, mode)
            if len(self._kept) > TRANSFORMS_KEPT:
                self._kept.popitem(last=False)
        found = self._kept[key]
        if isinstance(found, str):
            raise ProfileIgnored
        return found, mode

    def _made(self, profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | str | None:
        if not mode:
            return IGNORED
        try:
            transform = ImageCms.buildTransform(
                ImageCms.ImageCmsProfile(io.BytesIO(profile)), self._srgb, mode, "RGB",
                ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )  # fmt: skip
            if mode == "CMYK":
                return transform
            probe = _probe(mode)
            shown = np.asarray(ImageCms.applyTransform(probe, transform)).astype(int)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            return IGNORED
        return None if np.abs(shown - np.asarray(probe.convert("RGB"))).max() <= SAME_WITHIN else transform


def _probe(mode: str) -> Image.Image:
    """Return a picture of all greys, and of 9 x 9 x 9 colours."""
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    return Image.fromarray(np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3))


def profile_of(image: Image.Image, data: bytes) -> bytes | None:
    """Return the ICC profile of an image file that Pillow has opened, None when it has none.

    A PNG is opened without what is written beside its picture (`schemas.png`), so its profile is looked for here.
    """
    if data.startswith(PNG_MAGIC):
        return _png_profile(data)
    found: Any = image.info.get("icc_profile")
    return found if isinstance(found, bytes) and found else None


def _png_profile(data: bytes) -> bytes | None:
    position = len(PNG_MAGIC)
    while position + 12 <= len(data):
        size, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        if kind == b"IDAT":
            return None
        if kind == b"iCCP":
            _, _, packed = data[position + 8 : position + 8 + size].partition(b"\0")
            try:
                return zlib.decompressobj().decompress(packed[1:], MAX_PROFILE_BYTES + 1) or b"\0"
            except zlib.error:
                return b"\0"  # one that is broken
        position += 12 + size
    return None
