"""The perceptual hash, against imagehash's, on photographs and made pictures; and what it is for."""

import io
from pathlib import Path

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from pipeline.download.content.phash import perceptual_hash
from pipeline.download.outcome import Encoded
from tests.support.decoders import decoder, scene


def differ(left: str, right: str) -> int:
    return (int(left, 16) ^ int(right, 16)).bit_count()


def test_stored_photographs_have_imagehashs_digits_but_for_two_bits(shared_data: Path) -> None:
    photos = sorted((shared_data / "photos").glob("*.jpg"))[:40]
    if not photos:
        pytest.skip("no photographs")
    store = decoder(image_size=256)
    found = []
    for photo in photos:
        stored = store(photo.read_bytes())
        assert isinstance(stored, Encoded)
        assert stored.phash is not None
        found.append(differ(stored.phash, str(imagehash.phash(Image.open(io.BytesIO(stored.data))))))
    assert max(found) <= 2
    assert found.count(0) > len(found) // 2


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_picture_made_smaller_and_compressed_again_keeps_its_hash(mode: str) -> None:
    data = scene((400, 300), seed=3)
    image = Image.open(io.BytesIO(data)).convert(mode)
    sink = io.BytesIO()
    image.resize((200, 150)).save(sink, "JPEG", quality=60)
    mark = cv2.IMREAD_COLOR if mode == "RGB" else cv2.IMREAD_GRAYSCALE
    before, after = (cv2.imdecode(np.frombuffer(one, np.uint8), mark) for one in (data, sink.getvalue()))
    assert differ(perceptual_hash(before), perceptual_hash(after)) <= 4


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500), (500, 1, 3), (7, 9, 1)])
def test_any_shape_has_sixteen_digits(shape: tuple[int, ...]) -> None:
    found = perceptual_hash(np.full(shape, 77, np.uint8))
    assert len(found) == 16
    assert found == "8000000000000000"  # nothing but brightness
