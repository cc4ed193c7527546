"""Drops: good pairs that are no candidates. Pairs and a reason in; a count, and a sample of them as a table, out."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.arrow_types import schema_of, values_of
from schemas.buffers import ID, sortable_ids

MAX_SAMPLED_DROPS = 1_000
"""Drops kept per reason: those of lowest pair_id, which is a hash."""

DROPS = schema_of(
    [
        pa.field("reason", pa.string(), nullable=False),
        pa.field("pair_id", ID, nullable=False),
        pa.field("source_file", pa.string(), nullable=False),
        pa.field("source_row", pa.int64(), nullable=False),
        pa.field("caption", pa.string(), nullable=False),
    ]
)


class SampledDrops:
    """Drops that were added: their number, and a sample of them that does not depend on how they were added."""

    def __init__(self) -> None:
        self.count = 0
        self.sample = DROPS.empty_table()

    def add(self, drops: pa.Table) -> None:
        """Add `drops` (`DROPS`)."""
        self.count += len(drops)
        self.sample = sample_drops(pa.concat_tables([self.sample, drops]))


def drops_of(rows: pa.Table, reason: str) -> pa.Table:
    """Return the drops that `rows` (candidates) are for `reason`."""
    columns = [pa.repeat(pa.scalar(reason, pa.string()), len(rows)), *(rows[name] for name in DROPS.names[1:])]
    return pa.Table.from_arrays(columns, schema=DROPS)


def sample_drops(drops: pa.Table) -> pa.Table:
    """Keep the `MAX_SAMPLED_DROPS` drops of lowest pair_id per reason (and each pair_id once), in that order."""
    ids = sortable_ids(drops["pair_id"])
    reason_codes = drops["reason"].combine_chunks().dictionary_encode()
    names = values_of(reason_codes.dictionary)
    order_of_name = np.argsort(np.argsort(names)) if names else np.zeros(0, dtype=np.int64)
    codes: npt.NDArray[np.int64] = order_of_name[reason_codes.indices.to_numpy(zero_copy_only=False)]
    rows = drops["source_row"].to_numpy()
    order = np.lexsort((rows, ids[:, 1], ids[:, 0], codes))
    repeated = np.zeros(len(order), dtype=bool)
    if len(order) > 1:
        a, b = order[1:], order[:-1]
        repeated[1:] = (codes[a] == codes[b]) & (ids[a] == ids[b]).all(axis=1)
    order = order[~repeated]
    kept = [order[codes[order] == code][:MAX_SAMPLED_DROPS] for code in range(len(names))]
    return drops.take(pa.array(np.concatenate(kept) if kept else np.zeros(0, dtype=np.int64)))
