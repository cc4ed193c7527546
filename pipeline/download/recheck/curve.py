"""The curve of rot and opt-outs: the records of rechecks in; a point a recheck, with shares and intervals, out.

The first point is the download itself: of what it stored, all is alive with the same bytes. Shares are of the images
that were asked for; of a sample with Wilson's interval of 95 %, which also holds where a share is 0 or 1.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from schemas.recheck import ALIVE, ALIVE_CHANGED, ALIVE_SAME, GONE, MAY_HEAL, OPTED_OUT
from schemas.storage import Folder

KNOWN = {"what": "URLs of DataComp-1B alive", "share": 0.62, "day": "2026-07"}
"""What is known of another list, as `pipeline download --preflight` tells it."""

SHARES = {
    "alive": (ALIVE_SAME, ALIVE_CHANGED, ALIVE), "changed": (ALIVE_CHANGED,), "gone": (GONE,),
    "may_heal": (MAY_HEAL,), "opted_out": (OPTED_OUT,),
}  # fmt: skip
"""Of the statuses of a recheck; changed is a part of alive."""

_Z = 1.959964
"""Of the normal distribution, 95 % of it within."""
_DIGITS = 6


def wilson(successes: int, num: int) -> tuple[float, float]:
    """Return Wilson's interval of a share, (0, 1) of nothing."""
    if not num:
        return 0.0, 1.0
    share, z2 = successes / num, _Z * _Z
    middle = (share + z2 / (2 * num)) / (1 + z2 / num)
    half = _Z * math.sqrt(share * (1 - share) / num + z2 / (4 * num * num)) / (1 + z2 / num)
    return max(0.0, middle - half), min(1.0, middle + half)


def curve_of(records: Iterable[Mapping[str, Any]], summary: Mapping[str, Any], downloaded: str) -> dict[str, Any]:
    """Return the curve, as JSON: of the `records` in order, the `summary` of the folder's manifest, its day."""
    planned, stored = summary["images_planned"], summary["images_succeeded"]
    first = {
        "day": downloaded, "images": stored, "is_sample": False, "heads_only": False,
        "shares": {name: float(name == "alive") for name in SHARES}, "intervals": None,
    }  # fmt: skip
    return {
        "downloaded": {
            "planned": planned,
            "stored": stored,
            "share": round(stored / planned, _DIGITS) if planned else 0,
        },
        "known": KNOWN,
        "points": [first, *(_point(record) for record in records)],
    }


def _point(record: Mapping[str, Any]) -> dict[str, Any]:
    images, statuses = record["images"], record["statuses"]
    counts = {name: sum(statuses.get(status, 0) for status in of) for name, of in SHARES.items()}
    is_sample = bool(record["sample"])
    return {
        "day": record["day"],
        "images": images,
        "is_sample": is_sample,
        "heads_only": record["heads_only"],
        "shares": {name: round(count / images, _DIGITS) if images else 0 for name, count in counts.items()},
        "intervals": {name: [round(end, _DIGITS) for end in wilson(count, images)] for name, count in counts.items()}
        if is_sample
        else None,
    }


def recheck_names(shards: Folder, directory: str) -> list[str]:
    """Return the names of the records of all rechecks, in order: ``NNNNN.json``."""
    found = [name for name in shards.names(directory, ".json") if _digits(name).isdigit()]
    return sorted(found, key=recheck_number)


def recheck_number(name: str) -> int:
    return int(_digits(name))


def _digits(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(".json")
