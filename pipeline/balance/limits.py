"""What is decided once the matches are counted: caps, numbers of partitions; kept in the work folder for workers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.balance.caps import caps_of_languages, caps_of_queries
from pipeline.balance.counts import dense
from pipeline.balance.settings import LANGUAGES_FILE, LIMITS_FILE, PLAN_FILE, Settings
from schemas.arrow_types import values_of
from schemas.storage import Folder
from schemas.tables import read_table, write_table

PARTITION_BYTES = 16 << 20
"""Selected candidates (compressed) per partition of images; ordering one takes about ten times as much memory."""

RANKED_PARTITION_ROWS = 500_000
"""(query, pair) rows kept per partition of capped queries: 14 MB, which runners hand over as one group."""


@dataclass(frozen=True)
class Limits:
    """Matches and cap of every query, and how the job is cut. 24 bytes per query."""

    matched: npt.NDArray[np.int64]
    """Candidates alive that match the query (in a refill: not on a failed image)."""
    matched_before: npt.NDArray[np.int64]
    """Candidates that match the query, those on failed images too."""
    caps: npt.NDArray[np.int64]
    language_caps: tuple[int, ...]
    num_partitions: int
    """Of images."""
    num_ranked_partitions: int
    """Of capped queries."""

    def shape(self) -> dict[str, int]:
        """Return the number of queries without a match, with at most their cap, and over it."""
        over = self.matched > self.caps
        return {
            "without_match": int((self.matched == 0).sum()),
            "up_to_cap": int(((self.matched > 0) & ~over).sum()),
            "over_cap": int(over.sum()),
        }

    def lost(self) -> npt.NDArray[np.int64]:
        """Return how many pairs fewer each query keeps since images failed: its spares are used up."""
        found: npt.NDArray[np.int64] = np.minimum(self.matched_before, self.caps) - np.minimum(self.matched, self.caps)
        return found

    def not_refillable(self) -> dict[str, int]:
        """Return the number of queries that keep fewer, and how many fewer they keep together."""
        lost = self.lost()
        return {"queries": int((lost > 0).sum()), "kept": int(lost.sum())}


def decide_limits(counts: pa.Table, settings: Settings, language_of: npt.NDArray[np.int32]) -> Limits:
    """Return the limits from the summed counts (columns matched, matched_before)."""
    matched, before = (dense(counts, name, settings.num_queries) for name in ("matched", "matched_before"))
    caps = settings.caps
    if caps is None:
        assert settings.tail_share is not None
        caps = tuple(caps_of_languages(matched, language_of, len(settings.languages), settings.tail_share))
    of_queries = caps_of_queries(language_of, caps)
    # each query keeps at most its cap; the pairs several queries keep are counted more than once
    at_most = min(settings.candidates_rows, int(np.minimum(matched, of_queries).sum()))
    bytes_selected = settings.candidates_bytes * at_most // max(1, settings.candidates_rows)
    ranked_rows = int(of_queries[matched > of_queries].sum())
    return Limits(
        matched,
        before,
        of_queries,
        tuple(caps),
        num_partitions=partitions_of_images(bytes_selected),
        num_ranked_partitions=_power_of_two(ranked_rows, RANKED_PARTITION_ROWS),
    )


def partitions_of_images(num_bytes: int) -> int:
    """Return the number of partitions for `num_bytes` of selected candidates."""
    return _power_of_two(num_bytes, PARTITION_BYTES)


def _power_of_two(amount: int, per_partition: int) -> int:
    return 1 << max(0, -(-amount // per_partition) - 1).bit_length()


def write_limits(folder: Folder, limits: Limits) -> None:
    """Write the limits into the work folder (a plain overwrite: the same bytes again)."""
    names = ("matched", "matched_before", "caps")
    table = pa.table({name: pa.array(getattr(limits, name), pa.int64()) for name in names})
    write_table(folder, LIMITS_FILE, table, table.schema)
    planned = ("language_caps", "num_partitions", "num_ranked_partitions")
    plan = {name: getattr(limits, name) for name in planned}
    folder.write_json(PLAN_FILE, plan)


def read_limits(folder: Folder) -> Limits:
    """Read what `write_limits` wrote."""
    table, plan = read_table(folder, LIMITS_FILE), folder.read_json(PLAN_FILE)
    return Limits(
        matched=table["matched"].to_numpy(),
        matched_before=table["matched_before"].to_numpy(),
        caps=table["caps"].to_numpy(),
        language_caps=tuple(plan["language_caps"]),
        num_partitions=plan["num_partitions"],
        num_ranked_partitions=plan["num_ranked_partitions"],
    )


def write_languages(folder: Folder, column: pa.ChunkedArray) -> tuple[str, ...]:
    """Write the number of each query's language for the workers; return the languages, sorted."""
    languages = sorted(values_of(column.unique()))
    numbers = pa.compute.index_in(column, pa.array(languages, pa.string())).to_numpy()
    folder.write(LANGUAGES_FILE, np.ascontiguousarray(numbers, dtype="<i4").tobytes())
    return tuple(languages)


def read_languages(folder: Folder) -> npt.NDArray[np.int32]:
    """Read what `write_languages` wrote."""
    return np.frombuffer(folder.read(LANGUAGES_FILE), dtype="<i4")
