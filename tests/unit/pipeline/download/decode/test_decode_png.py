"""PNG with whatever is written beside the picture: download and trainer give the picture, in bounded memory."""

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.download.outcome import Encoded, Failure
from tests.support.download import bomb, picture
from tests.support.png import chunk, with_chunk
from tests.unit.pipeline.download.decode.test_image import decoder, pixels
from trainer.data.transforms import decode

MIB = 1 << 20
LARGE = zlib.compress(b"workflow " * (2 * MIB // 9), 9)
"""Unpacks to 2 MiB, in 2 KB."""
ALMOST_LARGE = zlib.compress(bytes(MIB - 1), 9)

SIDE_DATA = {
    "zTXt": chunk(b"zTXt", b"prompt\0\0" + LARGE),
    "iTXt": chunk(b"iTXt", b"workflow\0\1\0en\0\0" + LARGE),
    "iTXt plain": chunk(b"iTXt", b"workflow\0\0\0\0\0" + b"w" * (2 * MIB)),
    "iCCP": chunk(b"iCCP", b"profile\0\0" + LARGE),
    "many texts": b"".join(chunk(b"zTXt", b"part%d\0\0" % n + ALMOST_LARGE) for n in range(66)),
    "zTXt of an unknown method": chunk(b"zTXt", b"prompt\0\7" + LARGE),
    "iCCP of an unknown method": chunk(b"iCCP", b"profile\0\7" + LARGE),
    "iCCP cut short": chunk(b"iCCP", b"profile\0"),
    "short pHYs": chunk(b"pHYs", b"\0\0"),
    "empty sRGB": chunk(b"sRGB", b""),
    "odd cHRM": chunk(b"cHRM", b"\0" * 7),
    "short gAMA": chunk(b"gAMA", b"\0"),
    "transparency of a wrong checksum": chunk(b"tRNS", bytes(6), right=False),
    **{
        f"{kind} of a wrong checksum": chunk(kind.encode(), body, right=False)
        for kind, body in {
            "pHYs": bytes(9),
            "tIME": bytes(7),
            "tEXt": b"a\0b",
            "eXIf": b"MM\0*",
            "gAMA": bytes(4),
        }.items()
    },
    **{
        f"text named {name}": chunk(b"tEXt", name.encode() + b"\x001")
        for name in ("interlace", "bbox", "transparency", "default_image", "exif", "xmp", "blend")
    },
    "short acTL": chunk(b"acTL", b"\0"),
    "short fcTL": chunk(b"fcTL", b"\0"),
    "fcTL outside the picture": chunk(b"fcTL", struct.pack(">5I2H2B", 0, 999, 999, 0, 0, 1, 1, 0, 0)),
    "fcTL out of order": chunk(b"fcTL", struct.pack(">5I2H2B", 7, 8, 8, 0, 0, 1, 1, 0, 0)),
}


def png(mode: str) -> bytes:
    image = Image.open(io.BytesIO(picture("PNG", (48, 36))))
    sink = io.BytesIO()
    if mode == "16 bit":
        image = Image.fromarray((np.asarray(image.convert("L")).astype(np.uint16) * 257), "I;16")
    elif mode == "transparent palette":
        image.quantize(16).save(sink, "PNG", transparency=3)
        return sink.getvalue()
    else:
        image = image.convert(mode)
    image.save(sink, "PNG")
    return sink.getvalue()


PLAIN = {mode: png(mode) for mode in ("RGB", "RGBA", "LA", "16 bit", "transparent palette")}


@pytest.mark.parametrize("behind", ["IHDR", "IDAT"])
@pytest.mark.parametrize(
    ("mode", "side"),
    [(mode, side) for mode in PLAIN for side in SIDE_DATA
     if not (mode == "transparent palette" and side.startswith("transparency of"))],  # it has one of its own
)  # fmt: skip
def test_the_picture_is_the_same_with_side_data(mode: str, side: str, behind: str) -> None:
    data = with_chunk(PLAIN[mode], SIDE_DATA[side], behind.encode())
    found, expected = decoder()(data), decoder()(PLAIN[mode])
    assert isinstance(found, Encoded), found
    assert isinstance(expected, Encoded)
    tolerance = 2 if mode == "RGBA" else 0  # by another way onto white where there is a sign of an animation
    assert np.abs(np.asarray(pixels(found)).astype(int) - np.asarray(pixels(expected))).max() <= tolerance
    assert (decode(data, 16) == decode(PLAIN[mode], 16)).all()


def test_side_data_does_not_unlock_a_bomb() -> None:
    assert decoder()(with_chunk(bomb(), SIDE_DATA["zTXt"])) == Failure("too_many_pixels")


def test_nothing_beside_the_picture_is_unpacked() -> None:
    packed = zlib.compress(bytes(32 * MIB), 9)
    data = PLAIN["RGB"]
    for number in range(4):
        data = with_chunk(data, chunk(b"zTXt", b"part%d\0\0" % number + packed))
    tracemalloc.start()
    try:
        assert isinstance(decoder()(data), Encoded)
        decode(data, 16)
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()


def test_a_still_image_in_a_broken_animation_is_the_default_image(shared_data: Path) -> None:
    folder = shared_data / "hostile_images" / "pillow" / "apng"
    for name in ("syntax_num_frames_invalid", "syntax_num_frames_zero_default", "chunk_no_fctl"):
        path = folder / f"{name}.png"
        if not path.is_file():
            pytest.skip(f"no {path.name}")
        red, green, blue = pixels(decoder()(path.read_bytes())).getpixel((20, 20))  # type: ignore[misc]
        assert (red < 60, green > 200, blue < 60) == (True, True, True), name


@pytest.mark.parametrize("mode", PLAIN)
def test_a_png_without_its_end_mark_is_a_success_when_all_rows_are_there(mode: str) -> None:
    whole = PLAIN[mode]
    expected = decoder()(whole)
    assert isinstance(expected, Encoded)
    for cut in (12, 5, 1):  # no end mark at all, half of it, all but a byte of it
        found = decoder()(whole[:-cut])
        assert isinstance(found, Encoded), (cut, found)
        assert np.abs(np.asarray(pixels(found)).astype(int) - np.asarray(pixels(expected))).max() <= 2
    text = with_chunk(whole, chunk(b"tEXt", b"comment\0" + bytes(1000)), b"IDAT")
    assert isinstance(decoder()(text[:-500]), Encoded)


@pytest.mark.parametrize("mode", PLAIN)
def test_a_png_that_lacks_rows_is_truncated(mode: str) -> None:
    whole = PLAIN[mode]
    begin = whole.index(b"IDAT")
    for share in (0.0, 0.3, 0.6, 0.9):
        cut = whole[: begin + int((len(whole) - 20 - begin) * share)]
        assert decoder()(cut) == Failure("image_truncated"), share
