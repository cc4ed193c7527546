"""Charts of reports as SVG text: what draws them in, an ``<svg>`` element out, the same bytes for the same numbers."""

import html
import io
import re
from collections.abc import Callable, Mapping
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

POINTS_PER_DECADE = 40
"""Points of a curve per factor of ten in rank: more than a chart has pixels for."""
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "#e4e4e4", "axes.axisbelow": True,
    "axes.edgecolor": "#777777", "legend.frameon": False,
}  # fmt: skip
SIZE_INCHES = (6.0, 3.6)

_TEXT, _GRID = "#010203", "#040506"
"""Drawn in place of the page's own colours, which no drawing names."""
ON_ANY_PAGE: dict[Any, Any] = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), _TEXT),
    "grid.color": _GRID, "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none",
}  # fmt: skip
"""Added to `STYLE`: texts and axes have the colour of the page's text, the grid that of its variable ``--line``."""


def svg(
    draw: Callable[[Any], None], label: str, *, size: tuple[float, float] = SIZE_INCHES,
    style: Mapping[Any, Any] | None = None,
) -> str:  # fmt: skip
    """Return what `draw` draws on axes as an ``<svg>`` element; `label` is read to those who cannot see it.

    `size` in inches, `style` beside `STYLE`.
    """
    salt = re.sub(r"\W+", "-", label)
    with matplotlib.rc_context({**STYLE, **(style or {}), "svg.hashsalt": salt, "svg.id": salt}):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        if axes.get_legend_handles_labels()[0]:
            figure.legend(loc="outside upper left", ncols=4)  # above: inside it would hide a part of some curve
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg ") :]  # without the prolog, which names a DTD
    text = text.replace(_TEXT, "currentColor").replace(_GRID, "var(--line)")
    return text.replace("<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', 1)


def log_ranks(num: int) -> npt.NDArray[np.int64]:
    """Return ranks from 1 to `num` at equal steps of their logarithm, the first and the last among them."""
    if num == 0:
        return np.zeros(0, dtype=np.int64)
    steps = max(2, int(np.log10(num) * POINTS_PER_DECADE))
    return np.unique(np.rint(np.geomspace(1, num, steps)).astype(np.int64))


def short_number(value: float, _: int = 0) -> str:
    """Return a number of an axis: 12k, 3M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
