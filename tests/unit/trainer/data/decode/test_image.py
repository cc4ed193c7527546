"""Decoding: Pillow's pixels and Pillow's verdict for any bytes, by the rule that download has; bounds; no warnings."""

import io
import random
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from tests.support.pillow_crop import opened
from trainer.data.decode import image as module
from trainer.data.decode.image import ImageFault, decode_rgb

LEAST_PX = 40


def decoded(data: bytes, least_px: int | None = LEAST_PX) -> np.ndarray | str:
    """Return the pixels, or the fault."""
    try:
        return decode_rgb(np.frombuffer(data, dtype=np.uint8), least_px)
    except ImageFault as fault:
        return str(fault)


def by_pillow(data: bytes, least_px: int | None = LEAST_PX) -> np.ndarray | str:
    try:
        return np.asarray(opened(data, least_px))
    except Exception:
        return "does not decode"


def same(left: np.ndarray | str, right: np.ndarray | str) -> bool:
    if isinstance(left, str) or isinstance(right, str):
        return isinstance(left, str) and isinstance(right, str) and left == right
    return left.shape == right.shape and bool((left == right).all())


def picture(height: int = 70, width: int = 90) -> Image.Image:
    """Return a picture with edges and slopes."""
    down, across = np.mgrid[:height, :width]
    planes = [down * 3 % 256, across * 2 % 256, (down // 8 + across // 8) % 2 * 255]
    return Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8))


def jpeg(image: Image.Image | None = None, **options: object) -> bytes:
    sink = io.BytesIO()
    (image or picture()).save(sink, "JPEG", **options)
    return sink.getvalue()


def turned(orientation: int) -> dict[str, object]:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return {"exif": exif}


KINDS = {
    "usual": jpeg(),
    "progressive": jpeg(progressive=True),
    "444": jpeg(subsampling=0),
    "grey": jpeg(picture().convert("L")),
    "CMYK": jpeg(picture().convert("CMYK")),
    "restarts": jpeg(restart_marker_rows=1),
    "large": jpeg(picture(500, 333)),
    "large and turned": jpeg(picture(333, 500), **turned(8)),
} | {f"turned {value}": jpeg(**turned(value)) for value in range(1, 9)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("least_px", [None, 40, 80])
def test_jpegs_are_pillows(kind: str, least_px: int | None) -> None:
    assert same(decoded(KINDS[kind], least_px), by_pillow(KINDS[kind], least_px))


def test_a_large_jpeg_is_decoded_at_a_fraction() -> None:
    found = decoded(KINDS["large"], 40)
    assert not isinstance(found, str)
    assert found.shape == (63, 42, 3)


def damaged(data: bytes, draw: random.Random) -> bytes:
    """Return `data` cut, with a piece gone, or with other bytes."""
    kind = draw.randrange(3)
    at = draw.randrange(len(data))
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + data[at + draw.randint(1, 30) :]
    at = draw.randrange(700) if draw.random() < 0.5 else at
    return data[:at] + bytes([draw.choice([0, 1, 255, draw.randrange(256)])]) + data[at + 1 :]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_jpeg_is_a_fault_exactly_when_it_is_one_for_pillow(kind: str) -> None:
    draw = random.Random(kind)
    for _ in range(60):
        data = damaged(KINDS[kind], draw)
        assert same(decoded(data), by_pillow(data)), data


@pytest.mark.filterwarnings("ignore")
def test_hostile_images_are_pillows(shared_data: Path) -> None:
    files = [path for path in sorted((shared_data / "hostile_images").rglob("*")) if path.is_file()]
    decodes = 0
    for path in files:
        found = decoded(path.read_bytes())
        if isinstance(found, str) and found != "does not decode":
            continue  # a bound of ours
        assert same(found, by_pillow(path.read_bytes())), path
        decodes += not isinstance(found, str)
    assert decodes > len(files) / 3


@pytest.mark.parametrize("can_shrink", [True, False])
def test_a_fraction_is_asked_for_only_where_the_header_allows_it(
    monkeypatch: pytest.MonkeyPatch, can_shrink: bool
) -> None:
    asked: list[int | None] = []
    by_pillow, read_header = module._by_pillow, module.read_jpeg_header

    def noted(data: Any, num_scans: int, least_px: int | None) -> Any:
        asked.append(least_px)
        return by_pillow(data, num_scans, least_px)

    monkeypatch.setattr(module, "_by_pillow", noted)
    monkeypatch.setattr(
        module, "read_jpeg_header", lambda data: read_header(data)._replace(is_plain=False, can_shrink=can_shrink)
    )
    sink = io.BytesIO()
    Image.new("RGB", (1_024, 1_024), "red").save(sink, "JPEG")
    found = decoded(sink.getvalue(), 100)
    assert not isinstance(found, str)
    assert (asked, found.shape[0]) == (([100], 128) if can_shrink else ([None], 1_024))


def test_photographs_are_pillows(shared_data: Path) -> None:
    for path in sorted((shared_data / "photos").glob("*.jpg"))[::40]:
        assert same(decoded(path.read_bytes()), by_pillow(path.read_bytes())), path


def test_usual_jpegs_do_not_need_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", None)
    for kind, data in KINDS.items():
        assert isinstance(decoded(data), str) == (kind == "CMYK")


@pytest.mark.parametrize("scale", [2, 8])
def test_too_many_pixels_are_refused_before_decoding(monkeypatch: pytest.MonkeyPatch, scale: int) -> None:
    monkeypatch.setattr(simplejpeg, "decode_jpeg", None)
    at = KINDS["usual"].index(b"\xff\xc0")
    data = KINDS["usual"][: at + 5] + struct.pack(">HH", 60_000, 1_000 * scale) + KINDS["usual"][at + 9 :]
    assert decoded(data) == "has too many pixels"


@pytest.mark.parametrize("is_plain", [True, False])
def test_a_picture_of_endless_scans_is_refused(monkeypatch: pytest.MonkeyPatch, is_plain: bool) -> None:
    monkeypatch.setattr(module, "MAX_SCANNED_PIXELS", 100 * 70 * 90)
    data = jpeg(progressive=True) if is_plain else jpeg(picture().convert("CMYK"), progressive=True)
    assert not isinstance(decoded(data), str)
    at = data.rindex(b"\xff\xda")
    assert decoded(data[:at] + 100 * data[at:-2] + data[-2:]) == "has too many scans"


def test_pillow_is_not_heard() -> None:
    """Two of its warnings: of a size that is no bomb here, and of a block that is broken."""
    code = """
import io, numpy as np
from PIL import Image
from trainer.data.decode.image import decode_rgb
sink = io.BytesIO()
Image.new("1", (9_500, 9_500)).save(sink, "PNG")
assert decode_rgb(np.frombuffer(sink.getvalue(), dtype=np.uint8), None).shape == (9_500, 9_500, 3)
sink = io.BytesIO()
exif = b"Exif\\0\\0II*\\0\\x08\\0\\0\\0\\1\\0\\x12\\1\\3\\0\\1\\0\\0\\0\\6\\0"
Image.new("CMYK", (40, 40)).save(sink, "JPEG", exif=exif)
assert decode_rgb(np.frombuffer(sink.getvalue(), dtype=np.uint8), None).shape == (40, 40, 3)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
