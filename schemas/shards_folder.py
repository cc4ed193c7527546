"""Which file of a shards folder is what. See ``pipeline/download/README.md``.

::

    00000.tar 00000.parquet 00000_stats.json          a shard; numbers have no holes
    without-images-00003.parquet, ..._stats.json      plan 3 brought no image: no shard
    rejections/00003.parquet                          by plan
    further_captions/00008.parquet                    by plan: of images that earlier rounds stored
    sizes.json  tables/

A plan is a file of a selection; plans are numbered on over all rounds. The number of a shard is that of its plan where
every plan brought an image; ``plan`` in its stats tells (until 1.3 they were the same).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.json_object import JsonObject
from schemas.storage import Folder

LISTED_SELECTION_DIR = "selection"
"""Of a folder that `pipeline download --input` made: the list, as a selection."""

STATS_SUFFIX = "_stats.json"
TABLE_SUFFIX = ".parquet"
TAR_SUFFIX = ".tar"
WITHOUT_IMAGES = "without-images-"
FURTHER_CAPTIONS_DIR = "further_captions"
REJECTIONS_DIR = "rejections"
SIZES_FILE = "sizes.json"

FIRST_HEALED_PLAN = 1_000_000_000
"""Plans from this number on are no files of a selection: they hold what `pipeline download --retry-failed` healed."""

_STEM = re.compile(rf"(?P<without>{WITHOUT_IMAGES})?(?P<number>\d{{5,}})")


def shard_name(shard: int) -> str:
    """Return the base name of a shard: five digits or more, as img2dataset writes it."""
    if shard < 0:
        raise ValueError(f"a shard number is at least 0, found {shard!r}")
    return f"{shard:05d}"


def without_images_name(plan: int) -> str:
    """Return the base name of what is known of a plan that brought no image."""
    return f"{WITHOUT_IMAGES}{shard_name(plan)}"


def is_counted_in(plan: int, first: int) -> bool:
    """Tell whether a round whose first plan is `first` counts the pairs of `plan` as fetched: healed ones, too."""
    return plan < first or plan >= FIRST_HEALED_PLAN


@dataclass(frozen=True)
class Stem:
    """What a base name says: a shard by its number, or a plan without images by the plan's."""

    name: str
    number: int
    has_images: bool


def parse_stem(name: str) -> Stem | None:
    """Return what base name `name` says, None when it is no name of a shard or plan."""
    match = _STEM.fullmatch(name)
    return Stem(name, int(match["number"]), match["without"] is None) if match else None


@dataclass(frozen=True)
class PlanTable:
    """The table of a plan: its file, and the plan's number."""

    name: str
    plan: int
    has_images: bool


def plan_tables(folder: Folder) -> Iterator[PlanTable]:
    """Yield the tables of a shards folder, finished or not, of any minor version, by name."""
    for name in folder.names(suffix=TABLE_SUFFIX):
        stem = parse_stem(name.removesuffix(TABLE_SUFFIX))
        if stem is None:
            continue
        stats = f"{stem.name}{STATS_SUFFIX}"
        body = folder.read_json(stats) if stem.has_images and folder.exists(stats) else JsonObject()
        yield PlanTable(name, body.count("plan") if "plan" in body else stem.number, stem.has_images)


def further_captions(folder: Folder) -> Iterator[tuple[int, str]]:
    """Yield (number of the plan, name) of each table of further captions, by plan."""
    for name in folder.names(FURTHER_CAPTIONS_DIR, TABLE_SUFFIX):
        stem = parse_stem(name.removesuffix(TABLE_SUFFIX).rpartition("/")[2])
        if stem is not None:
            yield stem.number, name
