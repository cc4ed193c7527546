"""How often signals, rules and decisions came: the evidence of images in, counts by name for stats and manifest."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from pipeline.download.policy.evidence import Evidence
from schemas.json_object import JsonObject

KINDS = ("decisions", "rules", "signals")


def policy_counts(found: Iterable[Evidence | None]) -> dict[str, Any]:
    """Return the counts of images: by decision, by rule, by signal (place and row of the vocabulary), of conflicts."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    conflicts = 0
    for evidence in found:
        if evidence is None:
            continue
        counts["decisions"][evidence.decision] += 1
        conflicts += evidence.is_conflict
        if evidence.rule is not None:
            counts["rules"][evidence.rule] += 1
        counts["signals"].update({f"{judged.signal.place}: {judged.signal.row}" for judged in evidence.seen})
    return {**{kind: dict(sorted(counts[kind].items())) for kind in KINDS}, "conflicts": conflicts}


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
