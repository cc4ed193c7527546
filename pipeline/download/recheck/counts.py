"""What a recheck counted: rows by status and reason, and who disallows crawlers for AI and serves them all the same.

Of hosts 8 bytes each are held.
"""

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.arrow_types import list_array, values_of
from schemas.buffers import one_chunk, string_buffers
from schemas.kernels.key_hashes import hash_keys
from schemas.recheck import RECHECK_STATUSES

CRAWLER_SIGNAL = "robots-ai-crawler"
"""A robots.txt that keeps a crawler for AI off, another one than ours (`policy.sites`)."""


class RecheckCounts:
    """Adds up tables of `pipeline.download.recheck.ask.ASKED`."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()
        self._images = {"disallowed": 0, "served": 0}
        self._hosts = {name: np.zeros(0, dtype=np.int64) for name in self._images}

    def add(self, table: pa.Table) -> None:
        self.statuses.update(_counts(table["status"]))
        self.reasons.update(_counts(table["reason"]))
        self.rules.update(_counts(table["policy_rule"]))
        disallowed = _disallowed(table)
        alive = pc.starts_with(table["status"], "alive").to_numpy(zero_copy_only=False)
        for name, mask in (("disallowed", disallowed), ("served", disallowed & alive)):
            self._images[name] += int(mask.sum())
            hosts = one_chunk(table["host"].filter(pa.array(mask)).drop_null())
            self._hosts[name] = np.union1d(self._hosts[name], hash_keys(*string_buffers(hosts)))

    def told(self) -> dict[str, Any]:
        """Return the counts, as JSON."""
        return {
            "images": self.statuses.total(),
            "statuses": {status: self.statuses[status] for status in RECHECK_STATUSES},
            "reasons": dict(sorted(self.reasons.items())),
            "rules": dict(sorted(self.rules.items())),
            "disallowed_for_ai_crawlers": self._crawlers("disallowed"),
            "disallowed_for_ai_crawlers_but_served": self._crawlers("served"),
        }

    def _crawlers(self, name: str) -> dict[str, int]:
        return {"images": self._images[name], "hosts": len(self._hosts[name])}


def _counts(column: pa.ChunkedArray) -> Counter[str]:
    return Counter(values_of(column.drop_null()))


def _disallowed(table: pa.Table) -> npt.NDArray[np.bool_]:
    """Tell of each row whether a robots.txt was seen that keeps another crawler for AI off."""
    found = np.zeros(len(table), dtype=np.bool_)
    signals = list_array(one_chunk(table["signals"]))
    wanted = pc.equal(pc.struct_field(signals.flatten(), "signal"), CRAWLER_SIGNAL)
    rows = pc.list_parent_indices(signals).filter(wanted)
    found[rows.to_numpy()] = True
    return found
