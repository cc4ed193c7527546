"""Pages of reports: a template of a package in, jinja2's out. Every text of the data is escaped by the template."""

from importlib.resources import files
from typing import Any

import jinja2

from schemas.printable import printable

LONG_VALUE = 200
"""Characters of a text of the data that are shown."""


def page_template(package: str, name: str) -> jinja2.Template:
    """Return template `name` of `package`, with the filters number, shown and percent."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": number, "shown": shown, "percent": percent, "values": values}
    return environment.from_string((files(package) / name).read_text("utf-8"))


def number(value: Any) -> str:
    """Return a number with its thousands apart; a dash for none, other values as they are."""
    if value is None:
        return "\u2013"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def percent(part: float, whole: float) -> str:
    """Return a share in percent; a dash where there is no whole."""
    return f"{100 * part / whole:.1f}%" if whole else "\u2013"


def shown(value: Any) -> str:
    """Return a text of strangers as a page shows it: printable, cut to `LONG_VALUE` characters."""
    text = printable(str(value))
    return text if len(text) <= LONG_VALUE else text[:LONG_VALUE] + "\u2026"


def values(reached: dict[str, Any]) -> str:
    """Return named numbers in one line."""
    named = [f"{name.replace('_', ' ')} {number(value)}" for name, value in reached.items() if name != "text"]
    return ", ".join(named)
