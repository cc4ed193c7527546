"""What the workers of a job read of its work folder: limits, thresholds, what a refill leaves out; once per process.

What a pass decides for all is a file of the work folder. Any step takes a `SharedState` and gets the same `PerProcess`
as the steps beside it.
"""

from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.utils.shared import Shared

from pipeline.balance.limits import Limits, read_limits
from pipeline.balance.per_query_cap import RANKED, Thresholds, last_kept, rank_bounds
from pipeline.balance.prediction import keep_shares
from pipeline.balance.probabilistic import draw_bounds, kept_by_draw
from pipeline.balance.refill.earlier import read_written
from pipeline.balance.settings import LIMITS_FILE, THRESHOLDS, WORK, Settings
from schemas.checked import check_indices
from schemas.storage import Folder
from schemas.tables import read_table


class PerProcess:
    """What the workers read of the work folder: each part once per process, when first asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = Folder(settings.output_url)
        self.earlier = read_written(self._folder) if settings.refill else None
        self._limits: Limits | None = None
        self._bounds: npt.NDArray[np.uint64] | None = None
        self._shares: npt.NDArray[np.int64] | None = None
        self._thresholds: Thresholds | None = None
        self._draw_bounds: npt.NDArray[np.uint64] | None = None

    @property
    def limits(self) -> Limits:
        if self._limits is None:
            self._limits = read_limits(self._folder)
            if len(self._limits.matched) != self._settings.num_queries:
                raise ValueError(
                    f"{self._folder.path(LIMITS_FILE)}: expected {self._settings.num_queries} queries, found "
                    f"{len(self._limits.matched)}; run the command again"
                )
        return self._limits

    @property
    def bounds(self) -> npt.NDArray[np.uint64]:
        if self._bounds is None:
            self._bounds = rank_bounds(self.limits.matched, self.limits.caps, self._settings.factor)
        return self._bounds

    @property
    def shares(self) -> npt.NDArray[np.int64]:
        if self._shares is None:
            self._shares = keep_shares(self.limits.matched, self.limits.caps)
        return self._shares

    def kept(self, table: pa.Table, rank: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Tell per match of `table` whether the query keeps the pair."""
        if self._settings.mode == "probabilistic":
            if self._draw_bounds is None:
                self._draw_bounds = draw_bounds(self.limits.matched, self.limits.caps)
            return kept_by_draw(table, self._draw_bounds, self._settings.key)
        if self._thresholds is None:
            last = read_thresholds(self._folder)
            check_indices(last["query_id"], self._settings.num_queries, self._folder.path(THRESHOLDS), "query_id")
            self._thresholds = Thresholds(last, self._settings.num_queries)
        return self._thresholds.kept(table, rank)


def read_thresholds(folder: Folder) -> pa.Table:
    """Return the thresholds of all partitions, by query."""
    none = last_kept(RANKED.empty_table())
    names = [name for name in folder.names(WORK, ".parquet") if name.startswith(f"{THRESHOLDS}-")]
    found = [read_table(folder, name, none.schema) for name in names]
    return pa.concat_tables([none, *found]).combine_chunks().sort_by("query_id")


class SharedState:
    """The settings of one job and, in each process, its one `PerProcess`. Pickled into the steps that share it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._shared = Shared()

    def acquire(self) -> PerProcess:
        """Return the state of this process; keep it, since it goes when no step holds it any more."""
        state: PerProcess = self._shared.acquire(partial(PerProcess, self.settings))
        return state
