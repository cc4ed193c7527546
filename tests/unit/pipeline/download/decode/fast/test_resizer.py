"""Fast: the sizes and the outcomes of exact, near Pillow's bicubic reduction of the whole image."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.download.decode.exact import ExactResizer
from pipeline.download.decode.fast.resizer import FastResizer
from pipeline.download.decode.image import Decoder, DecodeSettings
from pipeline.download.outcome import Encoded, Failure
from tests.bench.photographs import photographs
from tests.conftest import SHARED_DATA
from tests.support.download import picture

SETTINGS = {
    "image_size": 48, "resize_mode": "keep_ratio", "resize_only_if_bigger": False, "encode_quality": 95,
    "encode_format": "png", "skip_reencode": False,
}  # fmt: skip
MAX_PIXELS = 10_000_000


def fast(**changes: object) -> FastResizer:
    return FastResizer(max_pixels=MAX_PIXELS, **(SETTINGS | changes | {"encode_quality": 6}))


def decoder(decode: str) -> Decoder:
    return Decoder(DecodeSettings(**SETTINGS | {"encode_format": "jpg"}, max_pixels=MAX_PIXELS, decode=decode))  # type: ignore[arg-type]


def to_bicubic_db(data: bytes, image_size: int) -> float:
    """Return the PSNR in dB of what fast stores as PNG to Pillow's bicubic reduction of the whole."""
    stored = fast(image_size=image_size)(data)
    assert stored is not None
    found = np.asarray(Image.open(io.BytesIO(stored.data)).convert("RGB")).astype(float)
    with Image.open(io.BytesIO(data)) as image:
        size = (stored.width, stored.height)
        expected = np.asarray(image.convert("RGB").resize(size, Image.Resampling.BICUBIC))
    return float(10 * np.log10(255**2 / max(np.mean((found - expected) ** 2), 1e-6)))


def check_photographs(files: list[bytes]) -> None:
    """At each scale of the decoder, with the least pixels that it may have there."""
    with Image.open(io.BytesIO(files[0])) as image:
        short = min(image.size)
    for reduction in (1, 2, 4):
        found = [to_bicubic_db(data, int(short / reduction / 1.75)) for data in files]
        assert np.mean(found) >= 40, reduction
        assert min(found) >= 34, reduction


def test_photographs_are_near_pillows_bicubic_of_the_whole() -> None:
    files = [data for data, _ in photographs()]
    check_photographs(files[:: max(1, len(files) // 50)][:50])


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED_DATA / "photos").is_dir(), reason="photographs of the shared folder are not here")
def test_all_photographs_are_near_pillows_bicubic_of_the_whole() -> None:
    check_photographs([data for data, _ in photographs()])


@pytest.mark.parametrize("mode", ["no", "keep_ratio", "keep_ratio_largest", "center_crop", "border"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(400, 300), (90, 211), (20, 31)])
def test_sizes_are_those_of_exact(mode: str, kind: str, size: tuple[int, int]) -> None:
    data = picture(kind, size)
    settings = SETTINGS | {"resize_mode": mode, "encode_quality": 6}
    exact, found = ExactResizer(**settings)(data), fast(resize_mode=mode)(data)  # type: ignore[arg-type]
    assert exact is not None
    assert found is not None
    assert found[1:] == exact[1:]
    first, second = (np.asarray(Image.open(io.BytesIO(stored.data))).astype(int) for stored in (found, exact))
    assert np.abs(first - second).mean() < 16, "another picture"


def test_skip_reencode_keeps_the_bytes() -> None:
    data = picture(size=(20, 16))
    found = fast(skip_reencode=True, resize_only_if_bigger=True, encode_format="jpg")(data)
    assert found is not None
    assert found.data == data


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_odd_jpegs_have_the_sizes_and_colours_of_exact(mode: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    sink = io.BytesIO()
    Image.open(io.BytesIO(picture(size=(300, 200)))).convert(mode).save(sink, "JPEG", exif=exif)
    one, other = (decoder(decode)(sink.getvalue()) for decode in ("exact", "fast"))
    assert isinstance(one, Encoded)
    assert isinstance(other, Encoded)
    fields = ("width", "height", "original_width", "original_height", "sha256")
    assert [getattr(one, name) for name in fields] == [getattr(other, name) for name in fields]
    first, second = (np.asarray(Image.open(io.BytesIO(stored.data))).astype(int) for stored in (one, other))
    assert np.abs(first - second).mean() < 16


def outcome(result: Encoded | Failure) -> str:
    return result.reason if isinstance(result, Failure) else "image"


def test_cut_and_damaged_jpegs_end_as_in_exact() -> None:
    exact, other = decoder("exact"), decoder("fast")
    whole = picture(size=(400, 300))
    draw = np.random.default_rng(7)
    files = [whole[: len(whole) * share // 10] for share in range(10)]
    for _ in range(60):
        damaged = bytearray(whole)
        for place in draw.integers(2, len(whole), 8):
            damaged[place] = int(draw.integers(0, 256))
        files.append(bytes(damaged))
    found = [(outcome(exact(data)), outcome(other(data))) for data in files]
    assert [one for one, _ in found] == [two for _, two in found]
    assert len({one for one, _ in found}) > 1


HOSTILE = SHARED_DATA / "hostile_images"


@pytest.mark.slow
@pytest.mark.skipif(not HOSTILE.is_dir(), reason="malformed images of the shared folder are not here")
def test_malformed_images_end_as_in_exact() -> None:
    exact, other = decoder("exact"), decoder("fast")
    files = sorted(path for path in Path(HOSTILE).rglob("*") if path.is_file())
    differing = {
        str(path.relative_to(HOSTILE)): pair
        for path in files
        if len(set(pair := (outcome(exact(data := path.read_bytes())), outcome(other(data))))) > 1
    }
    assert differing == {}
