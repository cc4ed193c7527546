"""Colours of other spaces become sRGB; what is sRGB, has no profile or a broken one keeps today's bytes."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from pipeline.download.content.colour import MAX_PROFILE_BYTES
from pipeline.download.content.settings import ContentSettings
from pipeline.download.outcome import Encoded, Failure
from tests.support.decoders import decoder

SRGB = ContentSettings(colour_profile="srgb")
SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def wide_profile() -> bytes:
    """Return an RGB profile whose red and green are exchanged: conversion is seen at once."""
    data = bytearray(SRGB_PROFILE)
    tags = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * int.from_bytes(data[128:132], "big"), 12)}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    data[red + 4 : red + 12], data[green + 4 : green + 12] = data[green + 4 : green + 12], data[red + 4 : red + 12]
    return bytes(data)


def coloured(kind: str, profile: bytes | None, mode: str = "RGB") -> bytes:
    sink = io.BytesIO()
    options = {} if profile is None else {"icc_profile": profile}
    Image.new("RGB", (40, 40), (220, 40, 30)).convert(mode).save(sink, kind, **options)  # type: ignore[arg-type]
    return sink.getvalue()


def pixel(found: Encoded | Failure) -> list[int]:
    assert isinstance(found, Encoded), found
    return np.asarray(Image.open(io.BytesIO(found.data)).convert("RGB"))[16, 16].tolist()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_colours_of_another_space_are_converted(kind: str) -> None:
    data = coloured(kind, wide_profile())
    before, after = decoder()(data), decoder(SRGB)(data)
    assert pixel(before)[0] > 200
    assert pixel(after)[1] > 200
    assert isinstance(after, Encoded)
    assert after.colours == "converted"
    assert isinstance(before, Encoded)
    assert before.colours is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("profile", [None, SRGB_PROFILE], ids=["none", "srgb"])
def test_srgb_and_no_profile_keep_their_bytes(kind: str, profile: bytes | None) -> None:
    data = coloured(kind, profile)
    assert decoder(SRGB)(data) == decoder()(data)


@pytest.mark.parametrize(
    "profile",
    [b"no profile", SRGB_PROFILE[:200], SRGB_PROFILE[:16] + b"CMYK" + SRGB_PROFILE[20:], bytes(MAX_PROFILE_BYTES + 1)],
    ids=["words", "cut", "of another space", "too large"],
)
def test_a_profile_that_does_not_serve_is_passed_over_and_told(profile: bytes) -> None:
    data = coloured("PNG", profile)
    found, plain = decoder(SRGB)(data), decoder()(data)
    assert isinstance(found, Encoded)
    assert isinstance(plain, Encoded)
    assert (found.data, found.colours) == (plain.data, "ignored")


def test_a_profile_that_unpacks_without_end_is_passed_over() -> None:
    body = b"x\0\0" + zlib.compress(bytes(64 << 20), 9)
    plain = coloured("PNG", None)
    chunk = len(body).to_bytes(4, "big") + b"iCCP" + body + zlib.crc32(b"iCCP" + body).to_bytes(4, "big")
    found = decoder(SRGB)(plain[:33] + chunk + plain[33:])
    assert isinstance(found, Encoded)
    assert found.colours == "ignored"


def test_grey_keeps_its_one_channel() -> None:
    found = decoder(SRGB)(coloured("PNG", wide_profile(), "L"))
    assert isinstance(found, Encoded)
    assert found.colours == "ignored"  # a profile of three colours says nothing of a grey picture
