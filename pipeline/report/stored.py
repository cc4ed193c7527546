"""What a shards folder holds: its tables in, batch by batch; sizes, removals, matches by query, drawn samples out."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.report.drawn import DrawnPerQuery, DrawnRows
from pipeline.report.tallies import Frequencies, Histogram, hosts_of
from schemas.buffers import one_chunk, string_buffers
from schemas.kernels.key_hashes import hash_keys
from schemas.removals import REMOVALS, REMOVALS_NAME, Removals, digests_of, hashed_removals
from schemas.sample import STATUS_SUCCESS
from schemas.shards_folder import plan_tables
from schemas.storage import Folder
from schemas.tables import naming_parquet, read_table

BATCH_ROWS = 4_096
SIDE_EDGES = (32, 64, 128, 256, 384, 512, 768, 1024, 1536, 2048, 4096)
"""Pixels of the shorter side of what was fetched."""
ASPECT_EDGES = (0.33, 0.5, 0.67, 0.8, 0.95, 1.05, 1.25, 1.5, 2.0, 3.0)
"""Width by height of what was fetched."""
CAPTION_EDGES = (10, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1000)
COLUMNS = (
    "url", "captions", "key", "status", "width", "height", "original_width", "original_height", "sha256", "query_ids",
)  # fmt: skip


@dataclass
class StoredFigures:
    """Of the images of a shards folder; but for `asked_by_domain` of those that are stored."""

    matched: npt.NDArray[np.int64]
    """Stored pairs that match a query, by query."""
    sides: Histogram = field(default_factory=lambda: Histogram(SIDE_EDGES))
    aspects: Histogram = field(default_factory=lambda: Histogram(ASPECT_EDGES))
    captions: Histogram = field(default_factory=lambda: Histogram(CAPTION_EDGES))
    per_image: Histogram = field(default_factory=lambda: Histogram((2, 3, 4, 5, 10)))
    """Captions of an image."""
    asked_by_domain: Frequencies = field(default_factory=Frequencies)
    by_domain: Frequencies = field(default_factory=Frequencies)
    removed: Counter[str] = field(default_factory=Counter)
    """Stored images that removals name, by reason."""

    def as_json(self) -> dict[str, Any]:
        """Return the counts."""
        return {
            "shorter_side_px": self.sides.as_json(), "aspect": self.aspects.as_json(),
            "caption_characters": self.captions.as_json(), "captions_per_image": self.per_image.as_json(),
            "domains": [(name, count, self.by_domain.counts[name]) for name, count in self.asked_by_domain.most(30)],
            "removed": dict(sorted(self.removed.items())),
        }  # fmt: skip


def look_at_shards(shards: Folder, num_queries: int, drawn: DrawnRows, per_query: DrawnPerQuery) -> StoredFigures:
    """Return the figures of all shards; `drawn` and `per_query` take their samples of those that are not removed.

    Raises ValueError that names a damaged file.
    """
    figures = StoredFigures(np.zeros(num_queries, dtype=np.int64))
    removals = removals_by_reason(shards)
    for table in plan_tables(shards):
        with shards.open(table.name) as raw, naming_parquet(shards.path(table.name)):
            file = pq.ParquetFile(raw)
            more = [name for name in ("members",) if name in file.schema_arrow.names]
            for batch in file.iter_batches(BATCH_ROWS, columns=[*COLUMNS, *more]):
                _look(figures, pa.Table.from_batches([batch]), table.name, removals, drawn, per_query)
    return figures


def _look(
    figures: StoredFigures, rows: pa.Table, name: str, removals: dict[str, Removals], drawn: DrawnRows,
    per_query: DrawnPerQuery,
) -> None:  # fmt: skip
    figures.asked_by_domain.add(hosts_of(rows["url"]))
    rows = rows.filter(pc.equal(rows["status"], STATUS_SUCCESS))
    if not len(rows):
        return
    figures.by_domain.add(hosts_of(rows["url"]))
    width, height = (
        np.maximum(pc.fill_null(rows[side], 1).to_numpy(), 1) for side in ("original_width", "original_height")
    )
    figures.sides.add(np.minimum(width, height))
    figures.aspects.add(width / height)
    captions: Any = one_chunk(rows["captions"])
    figures.captions.add(pc.utf8_length(captions.flatten()).drop_null().to_numpy(zero_copy_only=False))
    figures.per_image.add(pc.list_value_length(captions).to_numpy(zero_copy_only=False))
    queries = _queries_of(rows)
    if len(figures.matched):
        figures.matched += np.bincount(queries[1], minlength=len(figures.matched))[: len(figures.matched)]
    kept = _left(figures, rows, removals)
    rows = rows.append_column("table", pa.array([name] * len(rows), pa.string()))
    drawn.add(rows.filter(pa.array(kept)))
    per_query.add(rows, queries, kept)


def _queries_of(rows: pa.Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return (row, query) of each match of each caption."""
    of_images: Any = one_chunk(rows["query_ids"])
    of_captions = of_images.flatten()
    image = pc.list_parent_indices(of_images).to_numpy()
    caption = pc.list_parent_indices(of_captions).to_numpy()
    return image[caption].astype(np.int64), of_captions.flatten().to_numpy().astype(np.int64)


def removals_by_reason(shards: Folder) -> dict[str, Removals]:
    """Return the removals of a folder by reason, in the order of their names."""
    if not shards.exists(REMOVALS_NAME):
        return {}
    table = read_table(shards, REMOVALS_NAME, REMOVALS)
    where = shards.path(REMOVALS_NAME)
    reasons = sorted(str(reason) for reason in table["reason"].unique().to_pylist())
    return {reason: hashed_removals(table.filter(pc.equal(table["reason"], reason)), where) for reason in reasons}


def _left(figures: StoredFigures, rows: pa.Table, removals: dict[str, Removals]) -> npt.NDArray[np.bool_]:
    """Tell which rows no removal names; count the others, each for the first reason that names it."""
    left = np.ones(len(rows), dtype=np.bool_)
    if not removals:
        return left
    hashes = hash_keys(*string_buffers(one_chunk(rows["key"])))
    hashed = np.flatnonzero(rows["sha256"].is_valid().to_numpy())
    digests = np.zeros(len(rows), dtype=np.uint64)
    digests[hashed] = digests_of(one_chunk(rows["sha256"]), "sha256 of a shard's table")
    for reason, found in removals.items():
        named = found.of_keys(hashes)
        named[hashed] |= found.of_digests(digests[hashed])
        figures.removed[reason] += int((named & left).sum())
        left &= ~named
    figures.removed = +figures.removed
    return left
