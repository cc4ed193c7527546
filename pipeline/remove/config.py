"""The options of `pipeline remove`."""

import re
from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import OptionGroup

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, kw_only=True)
class RemoveConfig(OptionGroup):
    """Have what `pipeline filter` chose not be used any more: noted in removals.parquet beside shards."""

    shards: Annotated[str, tyro.conf.arg(metavar="DIR")]
    """Folder of shards. What its removals.parquet names already stays removed; no tar is written again."""

    filtered: Annotated[tuple[str, ...], tyro.conf.arg(metavar="DIR [DIR ...]")]
    """Folders that `pipeline filter` made of the features of these shards."""

    since: str = ""
    """The day to note, as 2026-01-31; empty: today (UTC)."""

    def _check(self) -> None:
        if not self.filtered:
            raise ValueError("expected folders of pipeline filter, found none: --filtered DIR")
        if self.since and not _DAY.fullmatch(self.since):
            raise ValueError(f"since must be a day as 2026-01-31, found {self.since!r}")
