"""Shards get numbers without holes: what was written last goes to the numbers of plans that brought no image.

    written     00000  00001  (plan 2: no image)  00003  00004  00005
    in the end  00000  00001  00002 = plan 5      00003  00004

Whether a plan brings an image is known when it is done, and its shard is written under a number that no other plan
writes: so shards are made in any order, by any worker, again after a crash. Only then, over all rounds of a folder, as
many shards change their number as there are holes: on an object store a copy each, beside a new number for all behind a
hole. A plan's place in the order has no meaning (images lie in the order of hashes), so it may go anywhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pipeline.download.shard.plan import ShardPlan
from pipeline.download.shard.sinks.files import move_files
from schemas.shards_folder import STATS_SUFFIX, TABLE_SUFFIX, TAR_SUFFIX, parse_stem, shard_name
from schemas.storage import FileRecord, Folder
from schemas.units import Unit, commit_unit, is_whole, read_unit

PARTS = (TAR_SUFFIX, TABLE_SUFFIX)
"""What bears the number of a shard, beside its stats."""


@dataclass(frozen=True)
class PlanUnit:
    """A finished plan: its commit, its number, and that of its shard (None: it brought no image)."""

    unit: Unit
    plan: int
    shard: int | None


def finished_plans(folder: Folder) -> dict[int, PlanUnit]:
    """Return the plans of `folder` whose files are all there, by number.

    Of two commits of one plan the shard of the lower number counts: it was on its way there when a run was killed, or
    another run that is not done yet had less luck.
    """
    found: dict[int, PlanUnit] = {}
    for name in folder.names(suffix=STATS_SUFFIX):
        stem = parse_stem(name.removesuffix(STATS_SUFFIX))
        unit = read_unit(folder, name) if stem is not None else None
        if stem is None or unit is None or not is_whole(folder, unit):
            continue
        plan = unit.body.count("plan") if "plan" in unit.body else stem.number
        other = found.get(plan)
        shard = stem.number if stem.has_images else None
        if other is None or other.shard is None or (shard is not None and shard < other.shard):
            found[plan] = PlanUnit(unit, plan, shard)
    return found


def finished_plan(folder: Folder, plan: ShardPlan) -> Unit | None:
    """Return the commit of `plan` where it is written first, None when it is not done."""
    for has_images in (True, False):
        unit = read_unit(folder, f"{plan.stem(has_images)}{STATS_SUFFIX}")
        if unit is not None and is_whole(folder, unit):
            return unit
    return None


def moves(numbers: Iterable[int], first: int) -> list[tuple[int, int]]:
    """Return (from, to) by which `numbers`, all different and at least `first`, become first, first + 1, ..."""
    present = sorted(numbers)
    end = first + len(present)
    holes = sorted(set(range(first, end)) - set(present))
    return list(zip([number for number in present if number >= end], holes, strict=True))


def number_shards(folder: Folder, plans: Iterable[PlanUnit], first: int) -> list[PlanUnit]:
    """Give the shards of `plans` the numbers from `first` on; return the plans by number. Call again after a crash.

    A shard is copied (locally: linked), committed under its new number, and only then deleted under the old one.
    """
    by_shard = {found.shard: found for found in plans if found.shard is not None}
    done = {found.plan: found for found in plans}
    for source, target in moves(by_shard, first):
        found = by_shard[source]
        move_files(folder, found.unit, source, target)
        files = [_moved(folder, record, source, target) for record in found.unit.files]
        unit = commit_unit(
            folder, f"{shard_name(target)}{STATS_SUFFIX}", files, {**found.unit.body, "plan": found.plan}
        )
        done[found.plan] = replace(found, unit=unit, shard=target)
        for suffix in (STATS_SUFFIX, *PARTS):
            folder.delete(f"{shard_name(source)}{suffix}")
    return [done[plan] for plan in sorted(done)]


def _moved(folder: Folder, record: FileRecord, source: int, target: int) -> FileRecord:
    names = {f"{shard_name(source)}{suffix}": f"{shard_name(target)}{suffix}" for suffix in PARTS}
    if record.name not in names:
        return record
    folder.copy(record.name, names[record.name])
    return replace(record, name=names[record.name])


def delete_strays(folder: Folder, plans: Iterable[PlanUnit]) -> None:
    """Delete shards and tables that are in no commit of `plans`: of runs that were killed, or lost a race."""
    kept = {name for found in plans for name in (found.unit.name, *(record.name for record in found.unit.files))}
    for name in folder.names():
        stem = next(
            (parse_stem(name.removesuffix(suffix)) for suffix in (STATS_SUFFIX, *PARTS) if name.endswith(suffix)), None
        )
        if stem is not None and name not in kept:
            folder.delete(name)
