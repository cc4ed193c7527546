"""The counts of a plan's stats from its table, as `pipeline.download.shard.write` notes them."""

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.download.policy.counts import policy_counts
from pipeline.download.refusals import count_refusals
from schemas.arrow_types import values_of
from schemas.sample import STATUS_FAILED_TO_DOWNLOAD, STATUS_FAILED_TO_RESIZE, STATUS_SUCCESS

MAY_HEAL = "may_heal"
"""Key of the stats: images that failed and may come later."""


def table_counts(table: pa.Table) -> dict[str, Any]:
    """Return what the rows of a table count."""
    statuses = Counter(values_of(table["status"]))
    texts = [text if text is not None else STATUS_SUCCESS for text in values_of(table["error_message"])]
    reasons = [reason if reason is not None else STATUS_SUCCESS for reason in values_of(table["reason"])]
    return {
        "count": len(table),
        "successes": statuses[STATUS_SUCCESS],
        "failed_to_download": statuses[STATUS_FAILED_TO_DOWNLOAD],
        "failed_to_resize": statuses[STATUS_FAILED_TO_RESIZE],
        "status_dict": dict(sorted(Counter(texts).items())),
        "outcomes": dict(sorted(Counter(reasons).items())),
        MAY_HEAL: pc.sum(table["retryable"]).as_py() or 0,
        "policy": policy_counts(table),
        "refusals": count_refusals(values_of(table["url"]), values_of(table["http_status"])),
    }


def num_captions(table: pa.Table | None) -> int:
    """Return the captions of all rows."""
    return int(pc.sum(pc.list_value_length(table["captions"])).as_py() or 0) if table is not None else 0
