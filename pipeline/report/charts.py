"""The report's charts as SVG text, in the colours of the page around them; numbers in."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter

from pipeline.report.queries import Int64s, curve
from pipeline.report.tallies import Histogram
from schemas.printable import printable
from schemas.svg_chart import ON_ANY_PAGE, short_number, svg

BLUE, RUST, GREEN = "#3f83d0", "#d06a2c", "#3f9a55"
"""Each has a contrast of 3 and more with a white and with a dark page."""
MOST_CAPS = 5
_LABEL_CHARACTERS = 28


def query_curves(matched: Int64s, selected: Int64s, caps: Mapping[str, int], stored: Int64s | None) -> str:
    """Draw matches, selected and stored pairs of the queries by rank, each in its own order, and the caps."""

    def draw(axes: Any) -> None:
        lines = [("matched", matched, RUST), ("selected", selected, BLUE)]
        if stored is not None:
            lines.append(("stored", stored, GREEN))
        for name, values, colour in lines:
            ranks, ordered = curve(values)
            axes.plot(ranks, ordered, color=colour, linewidth=2, label=f"{name} ({int((values > 0).sum()):,} queries)")
        if not (matched > 0).any():  # a logarithmic axis needs something to show
            axes.text(0.5, 0.5, "no query matches", ha="center", transform=axes.transAxes)
            return
        for language, cap in sorted(caps.items())[:MOST_CAPS]:
            axes.axhline(cap, color=BLUE, linewidth=1, linestyle="--", label=f"cap {printable(language)} {cap:,}")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("rank of the query")
        axes.set_ylabel("pairs")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(short_number))

    return svg(draw, "Pairs by rank of the query", size=(8.0, 4.2), style=ON_ANY_PAGE)


def histogram_chart(histogram: Histogram, label: str, unit: str) -> str:
    """Draw a histogram as bars, one a bin."""

    def draw(axes: Any) -> None:
        places = np.arange(len(histogram.counts))
        axes.bar(places, histogram.counts, 0.85, color=BLUE)
        axes.set_xticks(places, histogram.labels, rotation=45, ha="right")
        axes.grid(visible=False, axis="x")
        axes.set_xlabel(unit)
        axes.yaxis.set_major_formatter(FuncFormatter(short_number))

    return svg(draw, label, style=ON_ANY_PAGE)


def bars_chart(rows: Sequence[tuple[str, int]], label: str, line: tuple[float, str] | None = None) -> str:
    """Draw counts by name as lying bars, the first on top; `line`: a value to compare with, and its words."""

    def draw(axes: Any) -> None:
        places = np.arange(len(rows))[::-1]
        axes.barh(places, [count for _, count in rows], 0.7, color=[GREEN if n == "success" else BLUE for n, _ in rows])
        axes.set_yticks(places, [_short(name) for name, _ in rows])
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_formatter(FuncFormatter(short_number))
        if line is not None:
            axes.axvline(line[0], color=RUST, linewidth=1.5, linestyle="--", label=line[1])

    return svg(draw, label, size=(6.0, 1.0 + 0.28 * max(2, len(rows))), style=ON_ANY_PAGE)


def _short(name: str) -> str:
    """Return a name as an axis shows it; a dollar would begin mathematics."""
    text = printable(name).replace("$", r"\$")
    return text if len(text) <= _LABEL_CHARACTERS else text[:_LABEL_CHARACTERS] + "\u2026"
