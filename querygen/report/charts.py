"""The report's charts as SVG text, the same bytes for the same numbers."""

from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter

from querygen.report.figures import MAX_CHARACTERS, MAX_WORDS, Curve, Lengths, Points
from schemas.svg_chart import short_number, svg

COLOURS = {"word": "#2f6db3", "bigram": "#b3541e", "title": "#3b8a4c", "synset": "#8a4fa0"}


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
            axes.yaxis.set_major_formatter(FuncFormatter(short_number))
        axes.xaxis.set_major_formatter(FuncFormatter(short_number))

    return svg(draw, f"{curve.value} by rank of the {curve.source}s")


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

    return svg(draw, "number of words by source")


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

    return svg(draw, "number of characters by source")


def _drawable(points: Points, log_values: bool) -> Points:
    """Leave out what a logarithmic axis cannot show."""
    ranks, values = points
    return (ranks[values > 0], values[values > 0]) if log_values else points
