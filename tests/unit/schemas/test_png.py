"""PNG by its chunks: what is the picture stays, what is beside it goes, and broken ones stay broken."""

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from schemas.png import read_png
from tests.support.download import picture
from tests.support.png import chunk, chunks_of, with_chunk


def png(mode: str = "RGB", **options: object) -> bytes:
    sink = io.BytesIO()
    Image.open(io.BytesIO(picture("PNG", (24, 18)))).convert(mode).save(sink, "PNG", **options)
    return sink.getvalue()


def kinds(data: bytes) -> list[bytes]:
    return [kind for kind, _ in chunks_of(data)]


def test_a_png_of_its_picture_alone_is_given_as_it_is() -> None:
    data = png()
    found = read_png(data)
    assert found.bare is data
    assert (found.exif, found.is_animated, found.reaches_end, found.is_cut) == (None, False, True, False)


SIDE = [
    b"tEXt",
    b"zTXt",
    b"iTXt",
    b"iCCP",
    b"gAMA",
    b"cHRM",
    b"sRGB",
    b"pHYs",
    b"tIME",
    b"sBIT",
    b"bKGD",
    b"caBX",
    b"eXIf",
]


@given(
    st.lists(
        st.tuples(st.sampled_from(SIDE), st.binary(max_size=40), st.sampled_from([b"IHDR", b"IDAT"]), st.booleans())
    )
)
def test_whatever_is_beside_the_picture_goes(added: list[tuple[bytes, bytes, bytes, bool]]) -> None:
    data = plain = png()
    for kind, body, behind, right in added:
        data = with_chunk(data, chunk(kind, body, right), behind)
    assert read_png(data).bare == plain


def test_transparency_stays_unless_its_checksum_is_wrong() -> None:
    data = png("P", transparency=3)
    assert kinds(read_png(data).bare) == [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"]
    without = png("P")
    assert read_png(with_chunk(without, chunk(b"tRNS", b"\0", right=False), b"PLTE")).bare == without


def test_the_first_right_exif_is_given_wherever_it_stands() -> None:
    data = with_chunk(with_chunk(png(), chunk(b"eXIf", b"one"), b"IDAT"), chunk(b"eXIf", b"two"), b"eXIf")
    assert read_png(data).exif == b"one"
    assert read_png(with_chunk(png(), chunk(b"eXIf", b"one", right=False))).exif is None


@pytest.mark.parametrize("kind", ["acTL", "fcTL", "fdAT"])
def test_animations_are_told_and_their_chunks_go(kind: str) -> None:
    found = read_png(with_chunk(png(), chunk(kind.encode(), bytes(26))))
    assert (found.is_animated, found.bare) == (True, png())


def test_what_follows_the_end_mark_is_no_part() -> None:
    assert read_png(png() + b"<html>" * 100).bare == png()


def test_critical_chunks_stay_as_they_are() -> None:
    """An unknown one (Apple's CgBI changes what the pixels mean) and wrong checksums are for the decoder to refuse."""
    data = with_chunk(png(), chunk(b"CgBI", b"\x50\0\x20\2"))
    assert read_png(data).bare == data
    broken = bytearray(png())
    broken[30] ^= 1  # the checksum of the header
    assert read_png(bytes(broken)).bare == bytes(broken)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.9, 0.99])
def test_a_cut_png_does_not_reach_its_end(share: float) -> None:
    data = with_chunk(png(), chunk(b"tEXt", b"comment\0" + bytes(2000)), b"IDAT")
    cut = data[: 8 + int((len(data) - 8) * share)]
    found = read_png(cut)
    assert (found.reaches_end, found.is_cut) == (False, True)
    assert len(found.bare) <= len(cut) + 4  # the length, name and checksum of a chunk made whole
    assert b"tEXt" not in found.bare


@pytest.mark.parametrize("damage", ["IEND", "a name"])
def test_a_broken_png_is_not_called_cut(damage: str) -> None:
    data = bytearray(png())
    data[-1 if damage == "IEND" else data.index(b"IDAT")] ^= 0x80
    found = read_png(bytes(data))
    assert (found.reaches_end, found.is_cut) == (False, False)


def test_any_bytes_end() -> None:
    numbers = random.Random(0)
    for _ in range(300):
        data = bytearray(with_chunk(png(), chunk(b"tEXt", b"x\0y")))
        for _ in range(numbers.randrange(1, 9)):
            data[numbers.randrange(8, len(data))] = numbers.randrange(256)
        assert len(read_png(bytes(data)).bare) <= len(data) + 4
