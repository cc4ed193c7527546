"""The images of a plan asked for again: URLs and SHA-256s in; a row an image (`RECHECKS`, and its host) out."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from pipeline.download.fetch.queue import Fetched, Wanted
from pipeline.download.fetch.runtime import FetchRuntime
from pipeline.download.outcome import Failure, Seen
from pipeline.download.policy.evidence import FORBID, Evidence
from pipeline.download.recheck.plan import COLUMNS, RecheckPlan, stored_images
from pipeline.download.shard.table import signal_rows
from schemas.arrow_types import schema_of, values_of
from schemas.recheck import ALIVE, ALIVE_CHANGED, ALIVE_SAME, GONE, MAY_HEAL, OPTED_OUT, RECHECKS
from schemas.removals import read_removals
from schemas.sample import SHARD_TABLE
from schemas.storage import Folder

ASKED = schema_of([*RECHECKS, pa.field("host", pa.string())])
"""`RECHECKS` with the host of the URL, as it is in the work folder."""


def read_plan(plan: RecheckPlan) -> pa.Table:
    """Return the images that `plan` asks for."""
    folder = Folder(plan.shards)
    removals = read_removals(folder)
    tables = [pa.schema([SHARD_TABLE.field(name) for name in COLUMNS]).empty_table()]
    for record in plan.sources:
        table = stored_images(folder, record, removals)
        tables.append(table.filter(pa.array(plan.draw.takes(table["image_id"]))))
    return pa.concat_tables([table.select(COLUMNS) for table in tables])


async def ask_plan(runtime: FetchRuntime, images: pa.Table, heads_only: bool) -> tuple[pa.Table, int]:
    """Return the rows of `images` (`ASKED`), and the bytes that were fetched; runs on the runtime's loop."""
    keys, urls, digests = values_of(images["key"]), values_of(images["url"]), images["sha256"].to_pylist()
    tasks = [
        asyncio.create_task(runtime.get(key, url, None, wanted=Wanted(sha256, heads_only)))
        for key, url, sha256 in zip(keys, urls, digests, strict=True)
    ]
    try:
        found = await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        raise
    statuses = [status_of(one, sha256) for one, sha256 in zip(found, digests, strict=True)]
    columns: dict[str, Any] = {
        "key": images["key"],
        "image_id": images["image_id"],
        "status": statuses,
        "reason": [one.result.reason if isinstance(one.result, Failure) else None for one in found],
        "http_status": [one.http_status for one in found],
        "sha256": [one.result.sha256 if isinstance(one.result, Seen) else None for one in found],
        "signals": [signal_rows(one.evidence) for one in found],
        "policy_decision": [one.evidence.decision if one.evidence else None for one in found],
        "policy_rule": [one.evidence.rule if one.evidence else None for one in found],
        "host": [host_of(url) for url in urls],
    }
    arrays = [
        columns[field.name] if isinstance(columns[field.name], pa.ChunkedArray)
        else pa.array(columns[field.name], field.type)
        for field in ASKED
    ]  # fmt: skip
    return pa.Table.from_arrays(arrays, schema=ASKED), sum(one.body_bytes for one in found)


def status_of(found: Fetched, stored: str | None) -> str:
    """Return one of `RECHECK_STATUSES` of an image that was stored with SHA-256 `stored`."""
    result = found.result
    if isinstance(result, Failure):
        if result.reason == "opted_out" and not _could_not_be_asked(found.evidence):
            return OPTED_OUT
        return MAY_HEAL if result.retryable or result.reason == "opted_out" else GONE
    assert isinstance(result, Seen)
    if result.sha256 is None or stored is None:
        return ALIVE
    return ALIVE_SAME if result.sha256 == stored else ALIVE_CHANGED


def _could_not_be_asked(evidence: Evidence | None) -> bool:
    """Tell whether what forbids is only that a site or its terms did not answer: that is no wish, and may heal."""
    forbids = [judged.signal for judged in evidence.seen if judged.meaning == FORBID] if evidence else []
    return bool(forbids) and all(_is_silence(signal.name, signal.value) for signal in forbids)


def _is_silence(name: str, value: str) -> bool:
    return value == "unreachable" or (name, value) == ("rsl", "unreadable")


def host_of(url: str) -> str | None:
    """Return the host of a URL, None of a malformed one."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
