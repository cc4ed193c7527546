"""Exact: each mode, size and encoding byte for byte as img2dataset's own Resizer has it, and without its imports."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # its import would ask the network

from img2dataset.resizer import Resizer

from pipeline.download.decode.exact import ExactResizer

MODES = ["no", "keep_ratio", "keep_ratio_largest", "center_crop", "border"]


def drawn(kind: str, mode: str, size: tuple[int, int], seed: int) -> bytes:
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], len(mode))
    sink = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)).save(sink, kind)
    return sink.getvalue()


@pytest.mark.parametrize("resize_mode", MODES)
@pytest.mark.parametrize("encode_format", ["jpg", "png", "webp"])
@pytest.mark.parametrize("only_if_bigger", [False, True])
@pytest.mark.parametrize("skip_reencode", [False, True])
def test_the_bytes_are_img2datasets(
    resize_mode: str, encode_format: str, only_if_bigger: bool, skip_reencode: bool
) -> None:
    settings = {
        "image_size": 33, "resize_mode": resize_mode, "resize_only_if_bigger": only_if_bigger, "encode_quality": 9,
        "encode_format": encode_format, "skip_reencode": skip_reencode,
    }  # fmt: skip
    theirs, ours = Resizer(**settings), ExactResizer(**settings)  # type: ignore[arg-type]
    sizes = [(1, 1), (1, 70), (33, 33), (33, 50), (32, 34), (20, 9), (67, 66), (81, 45)]
    for seed, (kind, mode) in enumerate(
        [("JPEG", "RGB"), ("JPEG", "L"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "L"), ("WEBP", "RGB")]
    ):
        for size in sizes:
            data = drawn(kind, mode, size, seed)
            expected = theirs(io.BytesIO(data))
            assert expected[5] is None
            assert ours(data) == expected[:5], (kind, mode, size)


def test_what_opencv_does_not_decode_is_none() -> None:
    resizer = ExactResizer(
        image_size=32, resize_mode="no", resize_only_if_bigger=False, encode_quality=95, encode_format="jpg",
        skip_reencode=False,
    )  # fmt: skip
    assert resizer(b"no image") is None


def test_a_decode_process_imports_none_of_img2datasets_packages() -> None:
    code = (
        "import sys, pipeline.download.decode.image;"
        "print([name for name in ('img2dataset', 'albumentations', 'scipy', 'torch') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"
