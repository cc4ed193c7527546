"""``rechecks/curve.json`` and ``curve.svg``: the same bytes of the same rechecks."""

import datetime
import io
from collections.abc import Mapping
from typing import Any

import matplotlib
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from pipeline.download.recheck.curve import curve_of, recheck_names
from schemas.recheck import RECHECKS_DIR
from schemas.storage import Folder

COLOURS = {"alive": "#2f6db3", "changed": "#8a4fa0", "gone": "#b3541e", "opted_out": "#3b8a4c"}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "rechecks", "svg.id": "rechecks", "font.family": "sans-serif",
    "font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": "#e4e4e4", "axes.axisbelow": True, "legend.frameon": False,
}  # fmt: skip

LABEL = "What became of the stored images, by day"
"""Read to those who cannot see it."""


def write_curve(shards: Folder, summary: Mapping[str, Any], downloaded: str) -> dict[str, Any]:
    """Write both files of all rechecks of `shards` anew; return the curve."""
    records = [shards.read_json(name) for name in recheck_names(shards, RECHECKS_DIR)]
    curve = curve_of(records, summary, downloaded)
    shards.write_json(f"{RECHECKS_DIR}/curve.json", curve)
    shards.write(f"{RECHECKS_DIR}/curve.svg", draw_curve(curve).encode())
    return curve


def draw_curve(curve: Mapping[str, Any]) -> str:
    """Return the curve as SVG text."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.0, 4.0), layout="constrained")
        axes = figure.add_subplot()
        points = sorted(curve["points"], key=_day)  # what was done later may be of an earlier day, as it was given
        days: Any = [_day(point) for point in points]
        for name, colour in COLOURS.items():
            shares = [100 * point["shares"][name] for point in points]
            label = name.replace("_", " ")
            axes.plot(days, shares, color=colour, marker="o", markersize=4, linewidth=1.8, label=label)
            for day, point in zip(days, points, strict=True):
                if point["intervals"] is not None:
                    axes.vlines(day, *(100 * end for end in point["intervals"][name]), color=colour, linewidth=1.2)
        known = curve["known"]
        label = f"{known['what']}, {known['day']}: {known['share']:.0%}"
        axes.axhline(100 * known["share"], color="#777777", linewidth=1, linestyle="--", label=label)
        axes.set_ylim(-2, 102)
        if len(set(days)) == 1:
            axes.set_xlim(days[0] - datetime.timedelta(days=1), days[0] + datetime.timedelta(days=1))
        locator = AutoDateLocator(minticks=2, maxticks=8)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        axes.set_ylabel("% of the stored images asked for")
        figure.legend(loc="outside upper left", ncols=3)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg ") :]  # without the prolog, which names a DTD
    return text.replace("<svg ", f'<svg role="img" aria-label="{LABEL}" ', 1)


def _day(point: Mapping[str, Any]) -> datetime.date:
    return datetime.date.fromisoformat(point["day"])
