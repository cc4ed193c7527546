"""The options of `pipeline download --recheck`."""

from dataclasses import dataclass

from pipeline.day import check_day
from schemas.option_group import OptionGroup, check_between
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class RecheckOptions(OptionGroup):
    """Which stored images are asked for again, and how much of them is read."""

    recheck: NotIdentity[bool] = False
    """Ask the URLs of the images that the finished --output holds again and store none: which are gone, which have
    other bytes, which are opted out by now. Written to rechecks/ there; what is opted out goes into
    removals.parquet."""
    recheck_sample: NotIdentity[int] = 0
    """With --recheck: ask for so many images, drawn by a hash of their ids (0: all). A larger sample holds a smaller
    one."""
    recheck_seed: NotIdentity[int] = 0
    """With --recheck-sample: another seed draws another sample."""
    recheck_heads_only: NotIdentity[bool] = False
    """With --recheck: read heads alone, and close the connection where a body begins. Other bytes and marks inside
    images are not seen then."""
    since: NotIdentity[str] = ""
    """With --recheck: the day to note, as 2026-01-31; empty: that on which it began (UTC)."""

    def _check(self) -> None:
        check_between(self, recheck_sample=(0, 1 << 40), recheck_seed=(0, 2**64 - 1))
        check_day(self.since)
        for name in ("recheck_sample", "recheck_seed", "recheck_heads_only", "since"):
            if getattr(self, name) and not self.recheck:
                raise ValueError(f"{name} is for --recheck only, found {getattr(self, name)!r}")
