"""A sheet of pictures: each in its place, grey where one does not decode, the same bytes each time."""

import io

import numpy as np
from PIL import Image

from trainer.evaluate.contact_sheet import GAP_PX, PICTURE_PX, PICTURES, TITLE_PX, SheetRow, contact_sheet


def file_of(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (50, 40), colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_pictures_stand_in_their_rows() -> None:
    rows = [
        SheetRow("first", [file_of((200, 0, 0)), b"broken"]),
        SheetRow("second, longer \u732b", [file_of((0, 0, 200))] * (PICTURES + 3)),
    ]
    data = contact_sheet(rows)
    assert contact_sheet(rows) == data
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    row_px = PICTURE_PX + TITLE_PX + GAP_PX
    assert pixels.shape == (2 * row_px, GAP_PX + PICTURES * (PICTURE_PX + GAP_PX), 3)
    middle, step = TITLE_PX + PICTURE_PX // 2, PICTURE_PX + GAP_PX
    places = [
        (middle, GAP_PX + 9),
        (middle, GAP_PX + step + 9),
        (middle, GAP_PX + 2 * step + 9),
        (row_px + middle, GAP_PX + 9),
    ]
    assert [pixels[place].tolist() for place in places] == [
        [200, 0, 0], [128, 128, 128], [255, 255, 255], [0, 0, 200],
    ]  # fmt: skip
    assert (pixels[2 : TITLE_PX - 2, :80] < 128).any()  # there is a title
