"""What a decode process is told is what the options say; and what it does with it."""

import hashlib
import json

import pytest

from pipeline.download.config import DownloadConfig
from pipeline.download.content.near import hash_words
from pipeline.download.content.settings import ContentSettings, content_settings
from pipeline.download.outcome import Encoded, Failure
from tests.support.decoders import decoder
from tests.support.download import picture

DATA = picture(size=(80, 60))


def told(**options: object) -> ContentSettings:
    config = DownloadConfig(selection="s", output="o", **options)  # type: ignore[arg-type]
    return ContentSettings(**json.loads(json.dumps(content_settings(config))))


def test_nothing_asked_is_nothing_told() -> None:
    assert told() == ContentSettings(decontaminate_bits=4)
    found = decoder(told())(DATA)
    assert isinstance(found, Encoded)
    assert (found.exif, found.further_hash, found.colours) == (None, None, None)
    assert found.phash is not None


@pytest.mark.parametrize("kind", ["md5", "sha256", "sha512"])
def test_hashes_are_of_the_bytes_fetched_and_must_be_those_stated(kind: str) -> None:
    digest = hashlib.new(kind, DATA).hexdigest()
    strict = decoder(told(verify_hash=("h", kind), compute_hash=kind))
    found = strict(DATA, json.dumps({"hash": digest}).encode())
    assert isinstance(found, Encoded)
    assert found.further_hash == (None if kind == "sha256" else digest)
    assert strict(DATA + b"\0", json.dumps({"hash": digest}).encode()) == Failure("hash_mismatch")
    assert strict(DATA, b'{"hash":""}') == Failure("hash_mismatch")


def test_sizes_that_are_not_wanted_are_recorded() -> None:
    for options, reason in (
        ({"min_image_size": 61}, "image_too_small"),
        ({"max_aspect_ratio": 1.3}, "aspect_ratio_too_large"),
    ):
        found = decoder(told(**options))(DATA)
        assert isinstance(found, Failure)
        assert (found.reason, found.original_width, found.original_height) == (reason, 80, 60)
    assert isinstance(decoder(told(min_image_size=60, max_aspect_ratio=1.34))(DATA), Encoded)


def test_what_looks_like_an_evaluation_image_is_rejected() -> None:
    seen = decoder()(DATA)
    assert isinstance(seen, Encoded)
    assert seen.phash is not None
    near = f"{int(seen.phash, 16) ^ 0b1111:016x}"
    config = DownloadConfig(selection="s", output="o")
    strict = decoder(ContentSettings(**content_settings(config, hash_words([near]))))  # type: ignore[arg-type]
    found = strict(DATA)
    assert found == Failure("decontaminated")
    assert isinstance(found, Failure)
    assert found.phash == seen.phash
    assert isinstance(strict(picture(size=(80, 60), seed=2)), Encoded)


def test_nothing_is_decoded_where_all_bytes_are_kept() -> None:
    keep = decoder(told(min_image_size=40), disable_all_reencoding=True)
    found = keep(DATA)
    assert isinstance(found, Encoded)
    assert (found.data, found.width, found.height, found.phash) == (DATA, 80, 60, None)
    assert keep(DATA[: len(DATA) // 2]) == Failure("image_truncated")
    assert keep(picture(size=(80, 30))) == Failure("image_too_small")
    assert keep(b"<html>") == Failure("not_an_image")


def test_ways_of_interpolation_are_img2datasets() -> None:
    import io

    from img2dataset.resizer import Resizer

    for up, down in (("cubic", "linear"), ("nearest", "lanczos")):
        expected = Resizer(32, "keep_ratio", False, upscale_interpolation=up, downscale_interpolation=down)
        found = decoder(upscale_interpolation=up, downscale_interpolation=down)
        for data in (DATA, picture(size=(20, 16))):
            assert isinstance(encoded := found(data), Encoded)
            assert encoded.data == expected(io.BytesIO(data))[0]
