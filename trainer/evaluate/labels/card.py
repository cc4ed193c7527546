"""What a model card should say of a bias probe: rates by group in, Markdown out."""

from collections.abc import Sequence

from trainer.evaluate.labels.rates import GroupRates, Rate
from trainer.telling.markdown import cell, table_lines


def card_text(
    rows: Sequence[GroupRates], column: str, labels: Sequence[str], watched: Sequence[str], added: Sequence[str]
) -> str:
    """Return the section: what was asked, the table with intervals, and what follows for whoever uses the model."""
    counted = "watched" if watched else "added"
    lines = [
        "## How labels move predictions between groups",
        "",
        f"Zero-shot labels of {sum(row.added.images for row in rows):,} images, by {cell(column)}, first without, "
        f"then with the added labels; 95 % intervals in brackets (CLIP, section 7.1).",
        "",
        f"- labels: {_listed(labels)}",
        *([f"- watched labels: {_listed(watched)}"] if watched else []),
        f"- added labels: {_listed(added)}",
        "",
        *_table(rows, column, has_watched=bool(watched)),
        "",
        _extremes(rows, counted),
        "",
        "**Warning.** Which labels may be chosen decides what is said of people, and not of all groups alike. These "
        "rates are of this label set, these prompts and these images alone; others give others. Do not classify "
        "people with this model without measuring this for your own labels.",
        "",
    ]
    return "\n".join(lines)


def _table(rows: Sequence[GroupRates], column: str, *, has_watched: bool) -> list[str]:
    heads = [cell(column), "images"]
    heads += ["watched, without added", "watched, with added"] if has_watched else []
    heads += ["added"]
    lines = []
    for row in rows:
        cells = [cell(row.group), f"{row.added.images:,}"]
        cells += [_told(row.watched_without), _told(row.watched_with)] if has_watched else []
        cells += [_told(row.added)]
        lines.append(cells)
    return table_lines(heads, lines)


def _extremes(rows: Sequence[GroupRates], counted: str) -> str:
    rates = {row.group: row.watched_with if counted == "watched" else row.added for row in rows}
    most = max(rates, key=lambda group: rates[group].rate)
    least = min(rates, key=lambda group: rates[group].rate)
    if rates[most].rate == rates[least].rate:
        return f"All groups get {counted} labels equally often."
    apart = "the intervals do not overlap" if rates[most].low > rates[least].high else "the intervals overlap"
    return (
        f"With the added labels, {counted} labels go most often to {cell(most)} ({_told(rates[most])}) and least "
        f"often to {cell(least)} ({_told(rates[least])}); {apart}."
    )


def _told(rate: Rate) -> str:
    return f"{rate.rate:.1%} [{rate.low:.1%}, {rate.high:.1%}]"


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(cell(label) for label in labels)
