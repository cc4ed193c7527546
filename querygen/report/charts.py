"""The report's charts as SVG text, the same bytes for the same numbers."""

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from querygen.report.figures import MAX_CHARACTERS, MAX_WORDS, Curve, Lengths, Points

COLOURS = {"word": "#2f6db3", "bigram": "#b3541e", "title": "#3b8a4c", "synset": "#8a4fa0"}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "#e4e4e4", "axes.axisbelow": True,
    "axes.edgecolor": "#777777", "legend.frameon": False,
}  # fmt: skip
SIZE_INCHES = (6.0, 3.6)


def curve_chart(curve: Curve, threshold: float | None, log_values: bool) -> str:
    """Draw values by rank, the rank where the list stops taking, and `threshold`, the value reached there."""

    def draw(axes: Any) -> None:
        colour = COLOURS[curve.source]
        ranks, values = _drawable(curve.points, log_values)
        axes.set_xlabel(f"rank among {curve.source}s")
        axes.set_ylabel(curve.value)
        axes.plot(ranks, values, color="#b5b5b5", linewidth=1.6, label=f"{curve.num:,} {curve.of}")
        if not len(ranks):  # a logarithmic axis needs something to show
            axes.text(0.5, 0.5, "nothing above 0" if curve.num else "none", ha="center", transform=axes.transAxes)
            axes.set_xticks([])
            axes.set_yticks([])
            return
        ranks, values = _drawable(curve.listed, log_values)
        if len(ranks):
            axes.plot(ranks, values, color=colour, linewidth=2.6, label=f"{curve.num_listed:,} in the list")
            axes.axvline(curve.num_listed, color=colour, linewidth=1, linestyle=":")
        if threshold is not None and (threshold > 0 or not log_values):
            axes.axhline(threshold, color="#444444", linewidth=1, linestyle="--", label=f"threshold {threshold:,.6g}")
        axes.set_xscale("log")
        if log_values:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(FuncFormatter(_short))
        axes.xaxis.set_major_formatter(FuncFormatter(_short))

    return _svg(draw, f"{curve.value} by rank of the {curve.source}s")


def words_chart(lengths: list[Lengths]) -> str:
    """Draw the share of each source's queries by number of words."""

    def draw(axes: Any) -> None:
        width = 0.8 / max(1, len(lengths))
        for i, one in enumerate(lengths):
            places = np.arange(1, MAX_WORDS + 1) + (i - (len(lengths) - 1) / 2) * width
            axes.bar(places, 100 * one.words / one.queries, width, color=COLOURS[one.source], label=f"{one.source}s")
        axes.set_xticks(range(1, MAX_WORDS + 1), [*map(str, range(1, MAX_WORDS)), f"{MAX_WORDS}+"])
        axes.grid(visible=False, axis="x")
        axes.set_xlabel("words in the query")
        axes.set_ylabel("% of the source's queries")

    return _svg(draw, "number of words by source")


def characters_chart(lengths: list[Lengths]) -> str:
    """Draw the share of each source's queries by number of characters."""

    def draw(axes: Any) -> None:
        places = np.arange(1, MAX_CHARACTERS + 1)
        for one in lengths:
            shares = 100 * one.characters / one.queries
            axes.plot(places, shares, color=COLOURS[one.source], linewidth=1.8, label=f"{one.source}s")
        ticks = [1, *range(10, MAX_CHARACTERS + 1, 10)]
        axes.set_xticks(ticks, [*map(str, ticks[:-1]), f"{MAX_CHARACTERS}+"])
        axes.set_ylim(bottom=0)
        axes.set_xlabel("characters in the query")
        axes.set_ylabel("% of the source's queries")

    return _svg(draw, "number of characters by source")


def _drawable(points: Points, log_values: bool) -> Points:
    """Leave out what a logarithmic axis cannot show."""
    ranks, values = points
    return (ranks[values > 0], values[values > 0]) if log_values else points


def _short(value: float, _: int) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _svg(draw: Callable[[Any], None], label: str) -> str:
    """Return what `draw` draws as an ``<svg>`` element; `label` is read to those who cannot see it."""
    salt = re.sub(r"\W+", "-", label)
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": salt, "svg.id": salt}):
        figure = Figure(figsize=SIZE_INCHES, layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        if axes.get_legend_handles_labels()[0]:
            figure.legend(loc="outside upper left", ncols=4)  # above: inside it would hide a part of some curve
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg ") :]  # without the prolog, which names a DTD
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
