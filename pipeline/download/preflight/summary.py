"""What the preflight found, as a table on the terminal, and what to change."""

from rich.console import Console
from rich.table import Table

from pipeline.download.config import DownloadConfig
from pipeline.download.preflight.advice import Machine, Measured, advice, files_needed
from pipeline.download.preflight.estimate import wilson_interval
from schemas.sample import STATUS_SUCCESS

LINK_ROT = "of DataComp-1B 62 % were alive in 2026-07"


def print_preflight(config: DownloadConfig, measured: Measured, machine: Machine) -> None:
    """Print what to expect of the selection, then one line for each thing to change."""
    console = Console()
    table = Table(title=f"pipeline download --preflight: {measured.asked} URLs asked", title_justify="left")
    table.add_column("expect")
    table.add_column("value", justify="right")
    for name, value in expectations(config, measured, machine):
        table.add_row(name, value)
    console.print(table)
    lines = advice(config, measured, machine)
    for line in lines:
        console.print(f"change: {line}", soft_wrap=True, markup=False, highlight=False)
    if not lines:
        console.print("nothing to change", soft_wrap=True, markup=False, highlight=False)


def expectations(config: DownloadConfig, measured: Measured, machine: Machine) -> list[tuple[str, str]]:
    """Return the rows of the table; shares with their interval of 95 %."""
    came = measured.outcomes.get(STATUS_SUCCESS, 0)
    low, high = wilson_interval(came, measured.asked)
    rows = [("rows of the selection", f"{measured.num_rows:,}")]
    if measured.asked:
        rows += [
            ("images that come", f"{came / measured.asked:.0%} ({low:.0%} to {high:.0%}; {LINK_ROT})"),
            ("rate with these options, one worker", f"{measured.images_per_s:,.0f} images/s"),
            ("bandwidth for that", f"{_megabits(measured):,.1f} Mbit/s"),
        ]
        rows += [
            (f"  {reason}", f"{count / measured.asked:.0%}")
            for reason, count in sorted(measured.outcomes.items(), key=_most_first)
            if reason != STATUS_SUCCESS
        ]
    rows += [
        ("name look-ups: median, slowest tenth", f"{measured.dns_median_s:.3f} s, {measured.dns_slow_s:.3f} s"),
        ("open files: allowed, needed", f"{machine.open_files:,}, {files_needed(config):,}"),
        ("cores", f"{machine.cores}"),
    ]
    return rows


def _megabits(measured: Measured) -> float:
    return measured.body_bytes / measured.asked * measured.images_per_s * 8 / 1e6


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
