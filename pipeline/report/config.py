"""The options of `pipeline report`."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import OptionGroup
from schemas.run_options import NotIdentity

REPORT_FILE = "report.html"


@dataclass(frozen=True, kw_only=True)
class ReportConfig(OptionGroup):
    """Write one HTML page about a finished run, or one of its stages: funnel, queries, pictures, sizes, outcomes."""

    folder: NotIdentity[tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="FOLDER")]]]
    """Folder of `pipeline run`, or a candidates, selection or shards folder."""

    output: NotIdentity[str] = ""
    """HTML file to write; it needs no other file and no network. Empty: report.html in FOLDER, beside its files."""

    times: bool = True
    """Tell how long the download took, too. Without it the page is the same bytes of a run made again."""

    gallery: int = 200
    """Pictures in the gallery, drawn by hash: 0 to 200."""

    seed: int = 0
    """Seed of the pictures that are drawn."""

    json: bool = False
    """Print the numbers as JSON, too, in place of where the page is."""

    def _check(self) -> None:
        if not self.folder:
            raise ValueError("expected a folder of pipeline run, found none: pipeline report FOLDER")
        if not 0 <= self.gallery <= 200:
            raise ValueError(f"gallery must be in 0 .. 200, found {self.gallery!r}")
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"seed must be in 0 .. 2**64 - 1, found {self.seed!r}")
        if self.output.endswith("/"):
            raise ValueError(f"output must be a file, found {self.output!r}")
