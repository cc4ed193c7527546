"""One picture, however it comes, as the square of pixels that a model sees: the rule of evaluation and training."""

import io
import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFile

from schemas.plain_image import plain_frame
from trainer.data.decode.image import MAX_PIXELS
from trainer.data.transforms import ImageFault, centre_of, decode_centre

Picture = Image.Image | bytes | str | os.PathLike[str]


class Preprocess:
    """The middle square of a picture, upright, first frame, on white, its short side resized to the model's."""

    def __init__(self, image_px: int) -> None:
        self.image_px = image_px
        """Side of the square."""

    def __call__(self, picture: Picture) -> torch.Tensor:
        """Return uint8 ``[3, P, P]`` of a file's path, its bytes, or what Pillow has opened or made.

        What Pillow has opened and not read yet is decoded as its file would be, to the same pixels, and stays unread.
        Raises `ImageFault`, a ValueError that names the file, for what is no usable picture; OSError for a path.
        """
        name = "the image"
        try:
            if isinstance(picture, Image.Image):
                name = getattr(picture, "filename", "") or name
                return torch.from_numpy(self._of_pillow(picture))
            if not isinstance(picture, bytes):
                name, picture = os.fspath(picture), Path(picture).read_bytes()
            return torch.from_numpy(decode_centre(picture, self.image_px))
        except ImageFault as fault:
            raise ImageFault(f"{name} {fault}") from fault

    def _of_pillow(self, image: Image.Image) -> np.ndarray:
        file = _unread_file(image)
        if file is not None:
            return decode_centre(file, self.image_px)
        if image.width * image.height > MAX_PIXELS:
            raise ImageFault("has too many pixels")
        try:
            rgb = np.asarray(plain_frame(image.copy()).convert("RGB"))
        except Exception as error:  # as in decode_rgb: Pillow's decoders raise many types
            raise ImageFault("does not decode") from error
        return centre_of(rgb, self.image_px)


def _unread_file(image: Image.Image) -> bytes | None:
    """Return the file behind an image that is as `Image.open` left it; None where there is none, or other pixels."""
    if not isinstance(image, ImageFile.ImageFile) or not image.tile or image.fp is None or image.tell() != 0:
        return None
    try:
        place = image.fp.tell()
        image.fp.seek(0)
        data = image.fp.read()
        image.fp.seek(place)
    except (OSError, ValueError, io.UnsupportedOperation):
        return None
    return data
