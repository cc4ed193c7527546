"""The table of the policy in ``pipeline/download/README.md`` is that of ``policy/vocabulary.json``."""

from pipeline.download.policy.vocabulary import PRESETS, packaged_rows
from schemas.kernels.kernel_cache import ROOT

SHOWN = {"forbid": "**forbid**", "ignore": "-"}


def table() -> str:
    """Return the rows as the page has them."""
    lines = [f"| signal | value | {' | '.join(PRESETS)} | why |", f"|---|---|{'---|' * len(PRESETS)}---|"]
    for row in packaged_rows():
        meanings = " | ".join(SHOWN.get(row[preset], row[preset]) for preset in PRESETS)
        lines.append(f"| `{row['signal']}` | `{row['value']}` | {meanings} | {row['why']} |")
    return "\n".join(lines) + "\n"


def test_the_page_shows_the_table() -> None:
    assert table() in (ROOT / "pipeline/download/README.md").read_text("utf-8")
