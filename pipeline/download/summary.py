"""What the download did, as a table on the terminal."""

from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.download.again.table_counts import MAY_HEAL
from pipeline.download.refusals import refusal_lines
from schemas.printable import one_line
from schemas.storage import Folder


@dataclass(frozen=True)
class FetchReport:
    """What one call of `download_shards` did; shards finished before it are not counted."""

    shards: int
    images: int
    successes: int
    body_bytes: int
    seconds: float

    def __add__(self, other: "FetchReport") -> "FetchReport":
        """Return the report of both calls together."""
        return FetchReport(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


def print_download(manifest: dict[str, Any], report: FetchReport | None, output: str) -> None:
    """Print outcomes, rate, size and place; `report` is None when the folder was finished before."""
    summary = manifest["summary"]
    planned = summary["images_planned"]
    table = Table(title="pipeline download", title_justify="left")
    table.add_column("images")
    table.add_column("count", justify="right")
    table.add_column("share", justify="right")
    for outcome, count in sorted(summary["outcomes"].items(), key=_most_first):
        table.add_row(outcome, f"{count:,}", f"{count / planned:.1%}")
    table.add_row("planned", f"{planned:,}", "", end_section=True)
    for rule, count in summary.get("policy", {}).get("rules", {}).items():  # folders of before 1.6 have none
        table.add_row(f"by {rule}", f"{count:,}", f"{count / planned:.1%}")
    if summary.get("policy", {}).get("conflicts"):
        table.add_row("of wishes that differ", f"{summary['policy']['conflicts']:,}", "", end_section=True)
    table.add_row("shards", f"{summary['shards']:,}", "")
    if summary["further_captions"]:
        table.add_row("further captions", f"{summary['further_captions']:,}", "")
    if "evaluation_images" in summary:
        table.add_row("evaluation images looked for", f"{summary['evaluation_images']:,}", "")
    if summary.get("placeholders"):
        table.add_row("placeholders", f"{summary['placeholders']:,}", f"{summary['placeholder_urls']:,} URLs")
    for outcome, count in summary.get("colour_profiles", {}).items():
        table.add_row(f"colour profiles {outcome}", f"{count:,}", "")
    if summary["body_bytes"] or not summary["outcomes"].get("success"):  # img2dataset does not tell
        table.add_row("fetched", f"{summary['body_bytes'] / 1e6:,.1f} MB", "")
    table.add_row("stored", f"{summary['stored_bytes'] / 1e6:,.1f} MB", "")
    if report is None:
        table.add_row("rate", "finished before", "")
    elif report.images:
        table.add_row("rate", f"{report.images / report.seconds:,.0f} images/s", "")
    console = Console()
    console.print(table)
    for told in refusal_lines(summary["refused"]) if "refused" in summary else ():
        console.print(one_line(told), soft_wrap=True, markup=False, highlight=False)
    if summary.get(MAY_HEAL) and summary.get("output_format", "webdataset") == "webdataset":
        console.print(
            f"{summary[MAY_HEAL]:,} images may heal: the command of before with --retry-failed asks for them again",
            soft_wrap=True, markup=False, highlight=False,
        )  # fmt: skip
    console.print(f"shards: {one_line(Folder(output).url)}", soft_wrap=True, markup=False, highlight=False)


def _most_first(item: tuple[str, int]) -> tuple[bool, int, str]:
    outcome, count = item
    return outcome != "success", -count, outcome
