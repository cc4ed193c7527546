"""What the manifest and side files of a shards folder tell besides: policy, placeholders, rechecks, durations."""

from typing import Any

from pipeline.download.recheck.curve import KNOWN
from pipeline.report.stages import Stage
from schemas.recheck import RECHECKS_DIR
from schemas.shards_folder import STATS_SUFFIX
from schemas.storage import Folder
from schemas.tables import read_table
from schemas.tables_dir import tables_path

PLACEHOLDERS_NAME = "placeholders.parquet"
SHOWN_PLACEHOLDERS = 20
CURVE_FILE = f"{RECHECKS_DIR}/curve.json"


def downloaded(stage: Stage) -> dict[str, Any]:
    """Return outcomes and what goes with them; ``alive`` are the images that came, of those asked for."""
    summary = stage.summary
    outcomes = dict(summary["outcomes"])
    not_asked = outcomes.get("removed", 0)
    asked = summary["images_planned"] - not_asked
    return {
        "outcomes": outcomes,
        "asked": asked,
        "alive_share": round(summary["images_succeeded"] / asked, 6) if asked else None,
        "known": KNOWN,
        "policy": summary.get("policy", {}),
        "may_heal": summary.get("may_heal"),
        "further_captions": summary.get("further_captions", 0),
        "body_bytes": summary.get("body_bytes"),
        "stored_bytes": summary.get("stored_bytes"),
        "shards": summary.get("shards"),
        "placeholders": placeholders(stage.folder),
        "recheck": recheck_curve(stage.folder),
    }


def placeholders(shards: Folder) -> dict[str, Any] | None:
    """Return the placeholders that were found, None where none were looked for."""
    name = tables_path(PLACEHOLDERS_NAME)
    if not shards.exists(name):
        return None
    table = read_table(shards, name)
    return {
        "found": len(table),
        "urls": sum(table["urls"].to_pylist()),
        "most": table.slice(0, SHOWN_PLACEHOLDERS).to_pylist(),
    }


def recheck_curve(shards: Folder) -> dict[str, Any] | None:
    """Return the curve of rechecks, None where there was none."""
    return shards.read_json(CURVE_FILE) if shards.exists(CURVE_FILE) else None


def throughput(shards: Folder) -> dict[str, Any]:
    """Return what the stats of the plans say of time: all that depends on the clock."""
    images = body_bytes = plans = 0
    seconds, first, last = 0.0, float("inf"), 0.0
    for name in shards.names(suffix=STATS_SUFFIX):
        body = shards.read_json(name)
        plans += 1
        images += body.count("count")
        body_bytes += body.count("body_bytes")
        seconds += float(body["duration"])
        first, last = min(first, float(body["start_time"])), max(last, float(body["end_time"]))
    wall = max(0.0, last - first) if plans else 0.0
    return {
        "plans": plans,
        "images": images,
        "body_bytes": body_bytes,
        "plan_seconds": round(seconds, 3),
        "wall_seconds": round(wall, 3),
        "images_per_s": round(images / wall, 3) if wall else None,
        "mb_per_s": round(body_bytes / 1e6 / wall, 3) if wall else None,
    }
