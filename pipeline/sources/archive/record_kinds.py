"""What the records of a web archive are, and how many of each were left out.

In: rows of `pipeline.sources.archive.record_index`. Out: `Read` and `Dropped` counts that together are all records of a
file but the broken ones.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pipeline.sources.archive.record_index import (
    CONTINUATION,
    CONVERSION,
    JSON_METADATA,
    KIND,
    METADATA,
    OTHER,
    REQUEST,
    RESOURCE,
    RESPONSE,
    REVISIT,
    WARCINFO,
)
from pipeline.sources.source import RECORD, Dropped, Read

_NAMES = {
    OTHER: "other", RESPONSE: "response", JSON_METADATA: "metadata", METADATA: "metadata", WARCINFO: "warcinfo",
    REQUEST: "request", REVISIT: "revisit", RESOURCE: "resource", CONVERSION: "conversion",
    CONTINUATION: "continuation",
}  # fmt: skip
"""By kind of record: the WARC-Type, of ARC files too."""

NOT_HTTP, NOT_HTML = "not_http", "not_html"
"""Why a response is no page: look-ups of names, FTP; pictures, PDF, feeds."""


class RecordCounts:
    """Counts the records of one file."""

    def __init__(self) -> None:
        self._left_out: Counter[str] = Counter()
        self._read = self._cut = 0

    def add_all_but(self, kind: int, rows: npt.NDArray[np.int64]) -> None:
        """Count the records of other kinds than `kind` as left out."""
        counts = np.bincount(rows[:, KIND], minlength=len(_NAMES))
        for code, name in _NAMES.items():
            if code != kind:
                self._left_out[name] += int(counts[code])

    def add_left_out(self, why: str) -> None:
        self._left_out[why] += 1

    def add_read(self, count: int, num_cut: int = 0) -> None:
        """Count records that were read for pairs, `num_cut` of them as far as they go."""
        self._read += count
        self._cut += num_cut

    def items(self) -> Iterator[Read | Dropped]:
        """Yield the counts."""
        yield Read(self._read, self._cut)
        yield from (Dropped(RECORD + why, count) for why, count in sorted(self._left_out.items()) if count)
