"""Charts as PNG and tables as CSV, the same bytes for the same numbers."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

SIZE_INCHES = (6.4, 4.0)
COLOURS = ("#2f6db3", "#b3541e", "#3b8a4c", "#8a4fa0", "#777777")


def png(draw: Callable[[Any], None], size_inches: tuple[float, float] = SIZE_INCHES) -> bytes:
    """Return what `draw` draws on a pair of axes. The colours differ in lightness, too."""
    import matplotlib
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
        "grid.color": "#e4e4e4", "axes.axisbelow": True, "legend.frameon": False,
    }  # fmt: skip
    with matplotlib.rc_context(style):
        figure = Figure(figsize=size_inches, layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    return buffer.getvalue()


def csv_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return the rows as CSV with a line of names; numbers as Python writes them, what is no UTF-8 escaped."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")
