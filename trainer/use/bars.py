"""Probabilities as lines of text: bars on a terminal, plain columns elsewhere."""

from collections.abc import Sequence

from schemas.printable import printable

BAR_COLUMNS = 30
_EIGHTHS = " ▏▎▍▌▋▊▉█"
MAX_LABEL = 40


def bar_lines(rows: Sequence[tuple[str, float]], *, with_bars: bool) -> list[str]:
    """Return a line per (label, probability in 0 .. 1): the share, a bar where wanted, the label."""
    width = min(MAX_LABEL, max((len(printable(label)) for label, _ in rows), default=0))
    lines = []
    for label, probability in rows:
        shown = printable(label)
        if not with_bars:
            lines.append(f"  {probability:6.1%}  {shown}")
            continue
        shown = shown if len(shown) <= width else shown[: width - 1] + "…"
        lines.append(f"  {shown:<{width}}  {_bar(probability)}  {probability:6.1%}")
    return lines


def _bar(probability: float) -> str:
    """Return a bar of `BAR_COLUMNS` columns, filled to an eighth of a column."""
    eighths = round(max(0.0, min(1.0, probability)) * 8 * BAR_COLUMNS)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(BAR_COLUMNS)
