"""``rechecks/NNNNN.parquet`` of a shards folder: what became of stored images; the names and words of a recheck."""

import pyarrow as pa

from schemas.arrow_types import schema_of
from schemas.buffers import ID
from schemas.sample import SIGNALS

RECHECKS_DIR = "rechecks"

ALIVE_SAME, ALIVE_CHANGED, ALIVE = "alive_same", "alive_changed", "alive"
GONE, MAY_HEAL, OPTED_OUT = "gone", "may_heal", "opted_out"
RECHECK_STATUSES = (ALIVE_SAME, ALIVE_CHANGED, ALIVE, GONE, MAY_HEAL, OPTED_OUT)
"""alive: the bytes were not compared, since only heads were read, or the shard notes no SHA-256."""

RECHECKS = schema_of(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("image_id", ID, nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("http_status", pa.int32()),
        pa.field("sha256", pa.string()),
        pa.field("signals", SIGNALS, nullable=False),
        pa.field("policy_decision", pa.string()),
        pa.field("policy_rule", pa.string()),
    ]
)
"""A row an image asked for, in the order of the folder's plans. reason, http_status, signals and the policy as in a
shard's table; sha256 of the bytes that came now. An image that an earlier recheck found opted out is not asked again:
its reason is ``removed``; those rows are the last."""
