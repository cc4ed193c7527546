"""`pipeline report`: the page is written, and what is told of it."""

from pipeline.report.config import ReportConfig
from pipeline.report.page import write_report
from schemas.printable import one_line, printable_json


def run_report(config: ReportConfig) -> None:
    """Write the page; print where it is, or its numbers as JSON."""
    where, numbers = write_report(config)
    print(printable_json(numbers, indent=2) if config.json else f"written to {one_line(where)}")
