"""The device's decoder on the processor: the squares that `decode_crop` makes, within two levels, of any JPEG.

By torchcodec's own decoder where it loads (beside a CUDA build of torch), and by libjpeg-turbo where it does not.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.support.jpeg_decoders import DECODERS
from trainer.data.decode import device as module
from trainer.data.decode.device import DeviceDecoder, check_decodes
from trainer.data.decode.image import MAX_PIXELS
from trainer.data.transforms import ImageFault, decode_crop, file_crop

CPU = torch.device("cpu")
MAX_LEVELS = 2
TORCHCODECS_DECODER = module.torchcodecs_decoder
DRAWS = st.integers(0, 2**64 - 1)


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """Return soft colours with hard edges."""
    draw = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    image = np.asarray(Image.fromarray(draw).resize((width, height), Image.Resampling.BICUBIC)).copy()
    image[height // 3 : height // 2, width // 4 : width // 2] = (
        255 - image[height // 3 : height // 2, width // 4 : width // 2]
    )
    return Image.fromarray(image)


def jpeg(image: Image.Image, **options: object) -> bytes:
    sink = io.BytesIO()
    image.save(sink, "JPEG", **options)
    return sink.getvalue()


@pytest.fixture(scope="module", params=DECODERS)
def decoder(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "torchcodecs_decoder", DECODERS[request.param])
        yield


def squares(files: list[bytes], image_px: int, draw: int, is_stored: bool = False) -> tuple[np.ndarray, list[int]]:
    crops = np.array([file_crop(file, image_px, draw, is_stored=is_stored) for file in files], dtype=np.int64)
    tensors = [torch.from_numpy(np.frombuffer(file, dtype=np.uint8).copy()) for file in files]
    found, refused = DeviceDecoder(CPU, image_px).squares(tensors, crops)
    return found.numpy(), refused


def expected(file: bytes, image_px: int, draw: int, is_stored: bool = False) -> np.ndarray:
    out = np.zeros((3, image_px, image_px), dtype=np.uint8)
    decode_crop(file, image_px, draw, out, is_stored=is_stored)
    return out


def levels(found: np.ndarray, wanted: np.ndarray) -> int:
    return int(np.abs(found.astype(int) - wanted).max())


@pytest.mark.usefixtures("decoder")
@given(st.integers(1, 130), st.integers(1, 130), st.integers(1, 70), DRAWS, st.sampled_from([0, 1, 2]), st.booleans())
def test_squares_are_those_of_the_processor(
    width: int, height: int, image_px: int, draw: int, subsampling: int, progressive: bool
) -> None:
    file = jpeg(picture(width, height, width), quality=95, subsampling=subsampling, progressive=progressive)
    if file_crop(file, image_px, draw) is None:  # decoded at a fraction of its size
        assert min(width, height) >= 4 * image_px
        return
    found, refused = squares([file], image_px, draw)
    assert refused == []
    assert levels(found[0], expected(file, image_px, draw)) <= MAX_LEVELS


@pytest.mark.usefixtures("decoder")
@given(st.integers(32, 90), st.integers(32, 90), DRAWS)
def test_stored_images_are_cut_as_they_are(width: int, height: int, draw: int) -> None:
    file = jpeg(picture(width, height))
    found, _ = squares([file], 32, draw, is_stored=True)
    assert levels(found[0], expected(file, 32, draw, is_stored=True)) <= MAX_LEVELS


@pytest.mark.usefixtures("decoder")
def test_files_of_all_sizes_in_one_call_with_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PADDED_PIXELS", 20_000)
    files = [jpeg(picture(20 + 17 * number % 110, 20 + 31 * number % 90, number)) for number in range(40)]
    files += [jpeg(picture(64, 64).convert("L")), jpeg(picture(500, 40))]
    found, refused = squares(files, 32, 0x9E3779B97F4A7C15)
    assert refused == []
    for number, file in enumerate(files):
        assert levels(found[number], expected(file, 32, 0x9E3779B97F4A7C15)) <= MAX_LEVELS, number


def broken(file: bytes) -> bytes:
    """Return a file whose header is usual, with a table of codes that says nothing."""
    at = file.index(b"\xff\xc4")
    return file[: at + 5] + bytes(16) + file[at + 21 :]


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize("bad", [[0], [3], [1, 2, 6], list(range(7))], ids=str)
def test_refused_files_are_told_and_others_are_there(bad: list[int]) -> None:
    files = [jpeg(picture(40, 40, number)) for number in range(7)]
    files = [broken(file) if number in bad else file for number, file in enumerate(files)]
    found, refused = squares(files, 32, 1)
    assert refused == bad
    for number in set(range(7)) - set(bad):
        assert levels(found[number], expected(files[number], 32, 1)) <= MAX_LEVELS


@pytest.mark.usefixtures("decoder")
def test_hostile_images_are_for_the_processor_or_equal(shared_data: Path) -> None:
    paths = [path for path in sorted((shared_data / "hostile_images").rglob("*")) if path.is_file()]
    handed_over = 0
    for path in paths:
        file = path.read_bytes()
        if file_crop(file, 64, 7) is None:
            continue
        found, refused = squares([file], 64, 7)
        if refused:
            continue
        handed_over += 1
        assert levels(found[0], expected(file, 64, 7)) <= MAX_LEVELS, path
    assert handed_over > 20


@pytest.mark.usefixtures("decoder")
def test_photographs_are_equal(shared_data: Path) -> None:
    files = [path.read_bytes() for path in sorted((shared_data / "photos").glob("*.jpg"))[::80]]
    files = [file for file in files if file_crop(file, 224, 5) is not None]
    found, refused = squares(files, 224, 5)
    assert (refused, len(files) > 5) == ([], True)
    assert max(levels(found[number], expected(file, 224, 5)) for number, file in enumerate(files)) <= MAX_LEVELS


def exif(orientation: int) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    return found


FOR_THE_PROCESSOR = {
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(40),
    "CMYK": jpeg(picture(40, 40).convert("CMYK")),
    "turned": jpeg(picture(40, 40), exif=exif(6)),
    "cut": jpeg(picture(40, 40))[:-40],
    "large": jpeg(picture(300, 300)),
    "RGB without YCbCr": jpeg(picture(40, 40), keep_rgb=True),
    "4:1:1": jpeg(picture(64, 64)).replace(b"\x01\x22\x00\x02\x11\x01", b"\x01\x41\x00\x02\x11\x01"),
    "no numbers of components": jpeg(picture(64, 64)).replace(b"\x01\x22\x00\x02\x11\x01", b"R\x22\x00\x02\x11\x01"),
    "nothing": b"",
}


@pytest.mark.parametrize("kind", FOR_THE_PROCESSOR)
def test_all_else_is_for_the_processor(kind: str) -> None:
    assert file_crop(FOR_THE_PROCESSOR[kind], 32, 0) is None


def test_small_ones_are_for_the_processor_where_they_are_stored() -> None:
    assert file_crop(jpeg(picture(31, 90)), 32, 0, is_stored=True) is None
    assert file_crop(jpeg(picture(31, 90)), 32, 0) is not None


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, torch.AcceleratorError])
def test_what_the_device_lacks_is_no_files_fault(error: type[RuntimeError]) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error("of the device")

    file = jpeg(picture(40, 40))
    crops = np.array([file_crop(file, 32, 0)], dtype=np.int64)
    with pytest.raises(error, match="of the device"):
        DeviceDecoder(CPU, 32, fails).squares([torch.from_numpy(np.frombuffer(file, dtype=np.uint8).copy())], crops)


def test_too_many_pixels_are_for_the_processor_which_refuses() -> None:
    file = bytearray(jpeg(picture(40, 40)))
    at = file.index(b"\xff\xc0")
    file[at + 5 : at + 9] = (40_000).to_bytes(2, "big") * 2
    assert MAX_PIXELS < 40_000**2
    assert file_crop(bytes(file), 32_000, 0) is None
    with pytest.raises(ImageFault, match="too many pixels"):
        expected(bytes(file), 32, 0)


def forget_torchcodec(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchcodec"]:
        monkeypatch.delitem(sys.modules, name)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="decode gpu takes workers with a GPU, found the device cpu; use --device"):
        check_decodes("cpu")
    forget_torchcodec(monkeypatch)
    monkeypatch.setitem(sys.modules, "torchcodec", None)
    monkeypatch.setattr(module, "torchcodecs_decoder", TORCHCODECS_DECODER)
    with pytest.raises(ValueError, match=r"not installed: pip install 'webimagetext\[decode-gpu\]', or use"):
        check_decodes("cuda")


def test_one_that_does_not_load_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "torchcodec").mkdir()
    (tmp_path / "torchcodec" / "__init__.py").write_text("raise OSError('no libtorch_cuda.so')")
    forget_torchcodec(monkeypatch)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=r"does not load beside torch \S+ \(no libtorch_cuda\.so\): install the one"):
        TORCHCODECS_DECODER()
