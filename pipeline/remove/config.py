"""The options of `pipeline remove`."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from pipeline.day import check_day
from schemas.option_group import OptionGroup


@dataclass(frozen=True, kw_only=True)
class RemoveConfig(OptionGroup):
    """Take images out of finished folders, or only note in removals.parquet that samples are not to be used any more.

    With --urls, --domains, --sha256 or --opted-out every touched file is written again: nothing of what was removed
    stays but a hash in removals.parquet beside the shards, which keeps it from coming back. With --filtered nothing is
    written again: what pipeline filter chose is noted there by key, and passed over by who reads the shards.
    """

    shards: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Folder of shards. What its removals.parquet names already stays removed."""

    filtered: Annotated[tuple[str, ...], tyro.conf.arg(metavar="DIR [DIR ...]")] = ()
    """Folders that `pipeline filter` made of the features of these shards: noted, no tar is written again."""

    urls: Annotated[str, tyro.conf.arg(metavar="FILE")] = ""
    """Take out the images of these URLs, one a line; compared in normal form, and without tracking parameters."""

    domains: Annotated[str, tyro.conf.arg(metavar="FILE")] = ""
    """Take out the images whose URL has one of these hosts, one a line, or one below it (img.example.com of
    example.com)."""

    sha256: Annotated[str, tyro.conf.arg(metavar="FILE")] = ""
    """Take out the images whose fetched bytes have one of these SHA-256s, 64 hex digits a line."""

    opted_out: bool = False
    """Take out the images that `pipeline download --recheck` found opted out, as removals.parquet of the shards names
    them."""

    candidates: Annotated[tuple[str, ...], tyro.conf.arg(metavar="DIR [DIR ...]")] = ()
    """Folders of pipeline collect to take their pairs out of, too."""

    selection: Annotated[tuple[str, ...], tyro.conf.arg(metavar="DIR [DIR ...]")] = ()
    """Folders of pipeline balance to take their pairs out of, too."""

    run: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """The output of pipeline run: all its folders."""

    since: str = ""
    """The day to note, as 2026-01-31; empty: today (UTC)."""

    @property
    def takes_out(self) -> bool:
        """Tell whether files are written again, and samples not only noted."""
        return bool(self.urls or self.domains or self.sha256 or self.opted_out)

    def _check(self) -> None:
        if self.filtered and self.takes_out:
            raise ValueError(
                "--filtered only notes, --urls, --domains, --sha256 and --opted-out write again: give one or the other"
            )
        if not self.filtered and not self.takes_out:
            raise ValueError(
                "expected what to remove, found nothing: --urls, --domains or --sha256 FILE, --opted-out, or "
                "--filtered DIR"
            )
        if self.filtered and (self.candidates or self.selection or self.run or not self.shards):
            raise ValueError(
                "--filtered is of one folder of shards: --shards DIR, without --candidates, --selection, --run"
            )
        if not (self.shards or self.candidates or self.selection or self.run):
            raise ValueError("expected where to remove from, found nothing: --run DIR, or --shards DIR ...")
        if self.opted_out and not (self.shards or self.run):
            raise ValueError("--opted-out is what a folder of shards notes: give --shards DIR or --run DIR")
        check_day(self.since)
