"""Stills with their times and scores in, one picture of all out: a heading for each query, its best moments below."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from trainer.data.transforms import Pixels

COLUMNS = 5
STILL_PX = 224
"""The longer side of a still."""
GAP_PX, HEADING_PX, LINE_PX = 8, 28, 16
MAX_STILLS = 40
"""Of a query: the sheet stays one that can be looked at."""
_HEADING_CHARACTERS, _LINE_CHARACTERS = 100, 32


@dataclass(frozen=True, eq=False)
class Still:
    """A moment on the sheet."""

    pixels: Pixels | None
    """None leaves its place grey."""
    lines: Sequence[str]
    """What stands under it."""


@dataclass(frozen=True)
class SheetPart:
    """A query and its moments, best first."""

    title: str
    stills: Sequence[Still]


def shrunk(pixels: Pixels) -> Pixels:
    """Return the picture with at most `STILL_PX` a side."""
    image = Image.fromarray(pixels)
    image.thumbnail((STILL_PX, STILL_PX))
    return np.asarray(image)


def moment_sheet(parts: Sequence[SheetPart]) -> bytes:
    """Return the sheet as PNG. Same parts, same bytes."""
    cell_px = STILL_PX + GAP_PX
    heights = [HEADING_PX + sum(_row_px(row) for row in _rows(part)) for part in parts]
    columns = max(1, min(COLUMNS, max((len(part.stills) for part in parts), default=1)))
    sheet = Image.new("RGB", (GAP_PX + columns * cell_px, sum(heights) + GAP_PX), "white")
    pen = ImageDraw.Draw(sheet)
    heading, small = ImageFont.load_default(17), ImageFont.load_default(12)
    top = 0
    for part in parts:
        pen.text((GAP_PX, top + 5), part.title[:_HEADING_CHARACTERS], fill="black", font=heading)
        top += HEADING_PX
        for row in _rows(part):
            still_px = _row_px(row) - GAP_PX - LINE_PX * _num_lines(row)
            for column, still in enumerate(row):
                left = GAP_PX + column * cell_px
                pixels = still.pixels
                if pixels is None:
                    pixels = np.full((still_px, STILL_PX, 3), 128, dtype=np.uint8)
                sheet.paste(Image.fromarray(pixels), (left, top))
                for number, line in enumerate(still.lines):
                    place = (left, top + still_px + 1 + number * LINE_PX)
                    pen.text(place, line[:_LINE_CHARACTERS], fill="black", font=small)
            top += _row_px(row)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def _rows(part: SheetPart) -> list[Sequence[Still]]:
    shown = part.stills[:MAX_STILLS]
    return [shown[start : start + COLUMNS] for start in range(0, len(shown), COLUMNS)]


def _row_px(row: Sequence[Still]) -> int:
    highest = max((still.pixels.shape[0] for still in row if still.pixels is not None), default=STILL_PX // 2)
    return highest + GAP_PX + LINE_PX * _num_lines(row)


def _num_lines(row: Sequence[Still]) -> int:
    return max(len(still.lines) for still in row)
