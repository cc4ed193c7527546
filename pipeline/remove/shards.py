"""A shards folder without the images that are removed: staged (`schemas.rewritten`), a shard at a time.

In: the folder, the images, their tombstones. Out: tars, tables, rejections, further captions, stats of the touched
shards; numbers without holes; sizes, index, query counts, manifest; ``removals.parquet`` with hashes alone.

    rows of removed images   -> gone from table, rejections and further captions; their samples from the tar
    a shard that is empty    -> a plan without images; the last shards take the numbers that are free
"""

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pyarrow as pa

from pipeline.download.again.all_shards import commit_plan, stage_end, stage_plan, stem_of
from pipeline.download.again.counted_pairs import CountedPairs
from pipeline.download.shard.numbering import PARTS, PlanUnit, finished_plans, moves
from pipeline.remove.named import ImageSet
from pipeline.remove.noted import stage_noted, stage_rechecks
from pipeline.remove.thinned import Thinned, thin_plan
from schemas.manifest import read_manifest
from schemas.removals import REMOVALS, REMOVALS_NAME
from schemas.rewritten import Rewriting
from schemas.shards_folder import shard_name
from schemas.storage import Folder
from schemas.tables import read_table, write_tables

SHARDS_AT_ONCE = 4
"""Each reads and writes; memory is that of their tables."""


@dataclass
class StagedShards:
    """What is staged of a shards folder; nothing is where no image of it is removed and all is noted already."""

    rewriting: Rewriting | None
    manifest_sha256: str
    """Of the new manifest, empty where there is none."""
    lost: list[CountedPairs]
    images: int = 0
    captions: int = 0


def stage_shards(folder: Folder, removed: ImageSet, tombstones: pa.Table) -> StagedShards:
    """Stage `folder` without `removed`; `tombstones` (`REMOVALS`) are those it does not have yet."""
    output_format = read_manifest(folder, "shards")["summary"].get("output_format", "webdataset")
    if output_format != "webdataset":
        raise ValueError(
            f"{folder.url}: expected shards of the format webdataset, found {output_format}; make it again"
        )
    rewriting = Rewriting(folder)
    plans = [found for _, found in sorted(finished_plans(folder).items())]
    with ThreadPoolExecutor(SHARDS_AT_ONCE) as pool:
        results = list(pool.map(functools.partial(thin_plan, folder, rewriting.staged, removed=removed), plans))
    thinned = {found.plan: found for found in results if found is not None}
    if not thinned and not len(tombstones):
        return StagedShards(None, "", [])
    if len(tombstones):
        before = [read_table(folder, REMOVALS_NAME, REMOVALS)] if folder.exists(REMOVALS_NAME) else []
        write_tables(rewriting.staged, REMOVALS_NAME, [*before, tombstones], REMOVALS)
        rewriting.placed.append((REMOVALS_NAME, REMOVALS_NAME))
    if not thinned:
        return StagedShards(rewriting, "", [])
    numbered = _number(rewriting, plans, thinned)
    lost = [found.lost for found in thinned.values()]
    images = sum(found.images for found in thinned.values())
    noted = stage_noted(rewriting, removed)
    stage_rechecks(rewriting, removed)
    sha256 = stage_end(rewriting, plans, numbered, lost, -1, {"images_removed": images}, noted)
    return StagedShards(rewriting, sha256, lost, images, sum(found.captions for found in thinned.values()))


def _number(rewriting: Rewriting, plans: Sequence[PlanUnit], thinned: dict[int, Thinned]) -> list[PlanUnit]:
    """Give what is left numbers without holes; stage the stats of what changed or moved; return the plans in order."""
    has_images = {
        found.plan: thinned[found.plan].has_images if found.plan in thinned else found.shard is not None
        for found in plans
    }
    numbers = [found.shard for found in plans if found.shard is not None]
    left = [found.shard for found in plans if found.shard is not None and has_images[found.plan]]
    moved = dict(moves(left, min(numbers, default=0)))
    done = []
    for found in plans:
        number = moved.get(found.shard, found.shard) if found.shard is not None and has_images[found.plan] else None
        if found.plan in thinned:
            done.append(_thinned_unit(rewriting, found, thinned[found.plan], number))
        elif number != found.shard:
            assert found.shard is not None
            done.append(_moved_unit(rewriting, found, found.shard, number))
        else:
            done.append(found)
    return done


def _thinned_unit(rewriting: Rewriting, found: PlanUnit, thin: Thinned, number: int | None) -> PlanUnit:
    """Put what `thin` staged under the number of its shard; its old files go."""
    rewriting.deleted += [found.unit.name, *(record.name for record in found.unit.files)]
    return stage_plan(rewriting, found.plan, number, thin.files, thin.body)


def _moved_unit(rewriting: Rewriting, found: PlanUnit, shard: int, number: int | None) -> PlanUnit:
    stem, files = stem_of(found.plan, number), []
    names = {f"{shard_name(shard)}{suffix}": f"{stem}{suffix}" for suffix in PARTS}
    for record in found.unit.files:
        files.append(replace(record, name=names.get(record.name, record.name)))
        if record.name in names:
            rewriting.moved.append((record.name, names[record.name]))
    rewriting.deleted.append(found.unit.name)
    return commit_plan(rewriting, found.plan, number, files, found.unit.body)
