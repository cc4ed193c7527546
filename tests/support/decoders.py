"""A decoder with small settings, for tests of what it does with an image."""

import io
from typing import Any

import numpy as np
from PIL import Image

from pipeline.download.content.settings import ContentSettings
from pipeline.download.decode.image import Decoder, DecodeSettings


def decoder(content: ContentSettings | None = None, **changes: Any) -> Decoder:
    """Return a decoder to 32 pixels."""
    values: dict[str, Any] = {
        "image_size": 32, "resize_mode": "keep_ratio", "resize_only_if_bigger": False, "encode_format": "jpg",
        "encode_quality": 95, "skip_reencode": False, "max_pixels": 89_478_485,
    }  # fmt: skip
    return Decoder(DecodeSettings(**(values | changes)), content)


def scene(size: tuple[int, int], seed: int, kind: str = "PNG") -> bytes:
    """Return a picture of soft patches of colour: as in photographs, most of it is in the low frequencies."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    sink = io.BytesIO()
    Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC).save(sink, kind)
    return sink.getvalue()
