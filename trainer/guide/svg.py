"""Strokes in, an SVG out that any browser shows; the same text for the same strokes."""

from xml.sax.saxutils import escape

from schemas.printable import printable
from trainer.guide.strokes import Strokes


def svg(strokes: Strokes, size: int, title: str) -> str:
    """Return a drawing of `size` units a side on white: a path a stroke, with round ends."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 {size} {size}">',
        f"  <title>{escape(printable(title))}</title>",
        f'  <rect width="{size}" height="{size}" fill="#ffffff"/>',
        '  <g fill="none" stroke-linecap="round" stroke-linejoin="round">',
    ]
    rows = zip(*(part.tolist() for part in strokes.parameters()), strict=True)
    for points, width, (red, green, blue, opacity) in rows:
        begin, *others = (f"{_number(x * size)} {_number(y * size)}" for x, y in points)
        colour = "".join(f"{round(255 * part):02x}" for part in (red, green, blue))
        lines.append(
            f'    <path d="M {begin} C {", ".join(others)}" stroke="#{colour}" '
            f'stroke-opacity="{_number(opacity, 3)}" stroke-width="{_number(width * size)}"/>'
        )
    return "\n".join([*lines, "  </g>", "</svg>", ""])


def _number(value: float, digits: int = 2) -> str:
    """Return a number without zeros at its end, and without a sign for zero."""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
