"""How often signals, rules and decisions came: the table of a shard in, counts by name for stats and manifest out.

All is counted from what the rows hold, so that it can be counted anew when rows go or heal.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.download.policy.evidence import ALLOW, FORBID
from schemas.arrow_types import values_of
from schemas.buffers import one_chunk
from schemas.json_object import JsonObject

KINDS = ("decisions", "rules", "signals")


def policy_counts(table: pa.Table) -> dict[str, Any]:
    """Return the counts of images of a table (`SHARD_TABLE`): by decision, by rule, by signal, of conflicts.

    A signal is named by place, name and meaning, ``robots.txt: robots (forbid)``, and counts once an image.
    A conflict is an image that one signal forbids and another allows.
    """
    lists: Any = one_chunk(table["signals"])
    seen = lists.flatten()
    place, name, meaning = (seen.field(field) for field in ("place", "signal", "meaning"))
    named = pc.binary_join_element_wise(place, ": ", name, " (", meaning, ")", "")
    image = pc.list_parent_indices(lists)
    of_images = pa.table({"image": image, "signal": named}).group_by(["image", "signal"]).aggregate([])
    conflicts = set(_of_meaning(image, meaning, FORBID)) & set(_of_meaning(image, meaning, ALLOW))
    return {
        "decisions": _counts(table["policy_decision"]),
        "rules": _counts(table["policy_rule"]),
        "signals": _counts(of_images["signal"]),
        "conflicts": len(conflicts),
    }


def _of_meaning(image: pa.Array, meaning: pa.Array, wanted: str) -> list[int]:
    return values_of(image.filter(pc.equal(meaning, wanted)))


def _counts(words: pa.ChunkedArray) -> dict[str, int]:
    found = words.drop_null().value_counts()
    return dict(sorted(zip(values_of(found.field("values")), values_of(found.field("counts")), strict=True)))


def summed(bodies: Iterable[JsonObject]) -> dict[str, Any]:
    """Return the sums of `policy_counts` in the stats of plans; those of before it count nothing."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    conflicts = 0
    for body in bodies:
        found = body.get("policy") or {}
        for kind in KINDS:
            counts[kind].update(found.get(kind, {}))
        conflicts += int(found.get("conflicts", 0))
    return {**{kind: dict(sorted(counts[kind].items())) for kind in KINDS}, "conflicts": conflicts}
