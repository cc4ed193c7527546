"""Rows of small pictures with a line of text above each: what a model does worst, to be looked at."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from trainer.data.transforms import ImageFault, decode_centre

PICTURE_PX, TITLE_PX, GAP_PX = 96, 20, 4
PICTURES, ROWS = 8, 12
"""At most so many a row, and rows a sheet."""


@dataclass(frozen=True)
class SheetRow:
    """A line of text and the files of the pictures below it."""

    title: str
    pictures: Sequence[bytes]


def contact_sheet(rows: Sequence[SheetRow]) -> bytes:
    """Return the sheet as PNG; a picture that does not decode leaves its place grey. Same rows, same bytes."""
    height_px = PICTURE_PX + TITLE_PX + GAP_PX
    sheet = Image.new("RGB", (GAP_PX + PICTURES * (PICTURE_PX + GAP_PX), max(1, len(rows)) * height_px), "white")
    draw = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        top = number * height_px
        draw.text((GAP_PX, top + 2), row.title, fill="black", font=ImageFont.load_default(14))
        for place, picture in enumerate(row.pictures[:PICTURES]):
            sheet.paste(_small(picture), (GAP_PX + place * (PICTURE_PX + GAP_PX), top + TITLE_PX))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def _small(picture: bytes) -> Image.Image:
    try:
        return Image.fromarray(np.ascontiguousarray(decode_centre(picture, PICTURE_PX).transpose(1, 2, 0)))
    except ImageFault:
        return Image.new("RGB", (PICTURE_PX, PICTURE_PX), "grey")
