"""The funnel: summaries of manifests in; steps whose losses add up to what is left out. Pure.

records -> candidates -> selected pairs            (pairs)
images selected -> asked for -> stored -> left     (images)
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

REMOVED_BEFORE = "removed"
"""The outcome of an image that was never asked for, because removals name it."""


@dataclass(frozen=True)
class Step:
    """A number, and what was lost on the way to it: before + gained - losses = count."""

    name: str
    unit: str
    before: int
    count: int
    losses: dict[str, int] = field(default_factory=dict)
    """By reason."""
    gained: dict[str, int] = field(default_factory=dict)
    """What came besides: a refill's."""

    @property
    def is_whole(self) -> bool:
        """Tell whether the numbers add up."""
        return self.before + sum(self.gained.values()) - sum(self.losses.values()) == self.count


def funnel(
    candidates: Mapping[str, Any] | None, rounds: Sequence[Mapping[str, Any]], shards: Mapping[str, Any] | None,
    removed: Mapping[str, int],
) -> list[Step]:  # fmt: skip
    """Return the steps of what there is. `removed`: stored samples that removals name, by reason."""
    steps: list[Step] = []
    if candidates is not None:
        steps += _collected(candidates, candidates["counts"]["candidates"], "candidates")
    elif rounds and "records" in rounds[0].get("counts", {}):  # a list that was downloaded without queries
        steps += _collected(rounds[0], rounds[0]["counts"]["pairs"], "pairs of the list")
    if rounds and "selected_pairs" in rounds[0].get("counts", {}):
        first = rounds[0]["counts"]
        later = sum(found["counts"]["selected_pairs"] for found in rounds[1:])
        lost = {"over the caps of all their queries": first["candidates"] - first["selected_pairs"]}
        steps.append(Step("selected", "pairs", first["candidates"], first["selected_pairs"], _some(lost)))
        if later:
            steps.append(
                Step("selected in all rounds", "pairs", first["selected_pairs"], first["selected_pairs"] + later,
                     gained={"by the refill": later})
            )  # fmt: skip
    images = sum(found["counts"]["images"] for found in rounds if "images" in found.get("counts", {}))
    if images:
        steps.append(Step("images of these", "images", images, images))
    if shards is not None:
        steps += _downloaded(shards, images, removed)
    return steps


def _collected(summary: Mapping[str, Any], found: int, name: str) -> list[Step]:
    counts = summary["counts"]
    losses = {
        **{f"broken: {reason}": count for reason, count in _most_first(summary["rejected_by_reason"])},
        **{f"not wanted: {reason}": count for reason, count in _most_first(summary["dropped_by_reason"])},
        "duplicates": counts["duplicates"],
        "without caption, of images that have one": counts.get("blank_captions_dropped", 0),
    }
    records = counts["records"]
    open_end = records - sum(losses.values()) - found  # a record of several captions is several pairs
    gained = {"further captions of a record": -open_end} if open_end < 0 else {}
    losses["not told apart"] = max(0, open_end)
    return [Step("records", "pairs", records, records), Step(name, "pairs", records, found, _some(losses), gained)]


def _downloaded(summary: Mapping[str, Any], images: int, removed: Mapping[str, int]) -> list[Step]:
    planned, stored = summary["images_planned"], summary["images_succeeded"]
    outcomes = {reason: count for reason, count in summary["outcomes"].items() if reason != "success"}
    not_asked = outcomes.pop(REMOVED_BEFORE, 0)
    before = max(images, planned)
    asked = Step(
        "asked for", "images", before, planned - not_asked,
        _some({"stored by an earlier round": before - planned, "removed before": not_asked}),
    )  # fmt: skip
    kept = Step("stored", "images", planned - not_asked, stored, dict(_most_first(outcomes)))
    if not sum(removed.values()):
        return [asked, kept]
    left = Step("left by removals", "images", stored, stored - sum(removed.values()), dict(_most_first(removed)))
    return [asked, kept, left]


def _most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(((name, count) for name, count in counts.items() if count), key=lambda item: (-item[1], item[0]))


def _some(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def as_json(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return the steps as JSON values."""
    return [asdict(step) for step in steps]
