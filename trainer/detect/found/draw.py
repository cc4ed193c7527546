"""Boxes on a picture, each in its query's colour, with its name and score."""

import colorsys
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from schemas.printable import one_line
from trainer.data.decode.image import Pixels
from trainer.detect.found.detections import Detections

_GOLDEN = 0.618034
"""Hues so far apart stay apart, whatever their number."""
_LEAST_PX = 320
"""Side of a picture in which labels can be read: smaller images are enlarged by a whole number."""
_NAME_CHARACTERS = 40


def colour_of(query: int) -> tuple[int, int, int]:
    """Return the colour of a query by its number."""
    red, green, blue = colorsys.hsv_to_rgb((query * _GOLDEN) % 1, 0.85, 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)


def draw_boxes(rgb: Pixels, found: Detections, names: Sequence[str]) -> Image.Image:
    """Return the image with what was found; the surest stands on top."""
    height, width = rgb.shape[:2]
    scale = max(1, -(-_LEAST_PX // max(width, height)))
    picture = Image.fromarray(rgb).resize((width * scale, height * scale), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(picture)
    line = max(2, round(max(picture.size) / 300))
    font = ImageFont.load_default(size=max(11, round(max(picture.size) / 50)))
    rows = zip(found.boxes_D4.tolist(), found.scores_D.tolist(), found.queries_D.tolist(), strict=True)
    for box, score, query in reversed(list(rows)):
        left, top, right, bottom = (scale * number for number in box)
        colour = colour_of(query)
        pen.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), outline=colour, width=line)
        _label(pen, f"{one_line(names[query])[:_NAME_CHARACTERS]} {score:.2f}", left, top, colour, font)
    return picture


def _label(
    pen: ImageDraw.ImageDraw,
    text: str,
    left: float,
    top: float,
    colour: tuple[int, int, int],
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
) -> None:
    """Write above the box where there is room, else inside it; never over the picture's right edge."""
    _, _, width, height = pen.textbbox((0, 0), text, font=font)
    picture_width = pen.im.size[0]
    x = max(0.0, min(left, picture_width - width - 4))
    y = top - height - 4 if top >= height + 4 else top
    pen.rectangle((x, y, x + width + 4, y + height + 4), fill=colour)
    dark = sum(weight * part for weight, part in zip((0.299, 0.587, 0.114), colour, strict=True)) < 140
    pen.text((x + 2, y + 1), text, fill="white" if dark else "black", font=font)
