"""Boxes turned with the picture; img2dataset's blur where they are, its bytes where there are none."""

import io
import json
import os

import numpy as np
import pytest
from PIL import Image

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # its import would ask the network

from img2dataset.blurrer import BoundingBoxBlurrer
from img2dataset.resizer import Resizer

from pipeline.download.content.look import turned_box
from pipeline.download.outcome import Encoded
from tests.support.decoders import decoder
from tests.support.download import picture

BOX = [0.0, 0.0, 0.5, 0.25]
ASKED = json.dumps({"boxes": [BOX]}).encode()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_is_turned_as_exif_turns_the_picture(orientation: int) -> None:
    stored = np.zeros((8, 16), np.uint8)
    stored[0:2, 0:8] = 255  # BOX
    image = Image.fromarray(stored)
    ways = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # Pillow's transpositions
    shown = np.asarray(image if orientation == 1 else image.transpose(Image.Transpose(ways[orientation])))
    left, top, right, bottom = turned_box((BOX[0], BOX[1], BOX[2], BOX[3]), orientation)
    height, width = shown.shape
    expected = np.zeros_like(shown)
    expected[round(top * height) : round(bottom * height), round(left * width) : round(right * width)] = 255
    assert (shown == expected).all()


@pytest.mark.parametrize("mode", ["no", "keep_ratio", "center_crop", "border"])
def test_faces_are_blurred_as_img2dataset_does(mode: str) -> None:
    data = picture(size=(90, 60), seed=2)
    expected = Resizer(32, mode, False, blurrer=BoundingBoxBlurrer())(io.BytesIO(data), [BOX])
    found = decoder(resize_mode=mode)(data, ASKED)
    assert isinstance(found, Encoded)
    assert found.data == expected[0]
    plain = decoder(resize_mode=mode)(data)
    assert isinstance(plain, Encoded)
    assert plain.data != found.data
    assert plain.phash == found.phash  # of the picture before


def test_a_blurred_picture_is_never_stored_as_it_was_fetched() -> None:
    """img2dataset's own does: it blurs the pixels and stores the bytes that it had."""
    data = picture(size=(30, 20))
    theirs = Resizer(32, "keep_ratio", True, skip_reencode=True, blurrer=BoundingBoxBlurrer())
    assert theirs(io.BytesIO(data), [BOX])[0] == data
    keep = decoder(skip_reencode=True, resize_only_if_bigger=True)
    assert isinstance(blurred := keep(data, ASKED), Encoded)
    assert blurred.data != data
    assert isinstance(kept := keep(data), Encoded)
    assert kept.data == data
