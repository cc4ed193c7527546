"""The plan of one shard: a selection file in, its images with their captions out."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.buffers import hex_of_ids, one_chunk, words_from_ids
from schemas.candidate import QUERY_IDS, selection_schema
from schemas.manifest import read_files, read_manifest
from schemas.sample import EXTRA, further_captions_schema
from schemas.shards_folder import shard_name, without_images_name
from schemas.storage import FileRecord, Folder
from schemas.tables import as_in_memory, read_table


@dataclass(frozen=True)
class ShardPlan:
    """The element of the Beam job: one shard to make."""

    number: int
    """Of the plan, counted over all rounds: names what is not part of a shard."""
    shard: int
    """Number under which its shard is written; the end of the run may change it (`shard.numbering`)."""
    selection: str
    """URL of the selection folder."""
    record: FileRecord
    """The selection file in it."""

    @property
    def name(self) -> str:
        return shard_name(self.number)

    def stem(self, has_images: bool) -> str:
        """Return the base name of its table and stats."""
        return shard_name(self.shard) if has_images else without_images_name(self.number)

    @property
    def file(self) -> str:
        """Name of the selection file."""
        return self.record.name


@dataclass(frozen=True)
class ShardImages:
    """The images of one plan, one row each, sorted by key.

    `table` has the columns key, image_id, url, image_ref, license, caption, captions, pair_ids, query_ids, and extra (a
    list, parallel to captions) where columns are carried through; `first_row` is the row of each image's first caption
    in the selection file. `further` (`further_captions_schema`) are captions of images that lie in earlier shards.
    """

    table: pa.Table
    first_row: npt.NDArray[np.int64]
    further: pa.Table
    extra: pa.StructType


def read_shard_images(plan: ShardPlan) -> ShardImages:
    """Read the selection file of `plan` and group its rows by image.

    Raises ValueError when the file is not as it was written, has another schema, rows of another shard or images, or
    its rows are not sorted by image_id.
    """
    folder = Folder(plan.selection)
    where = folder.path(plan.file)
    table = read_table(folder, plan.file, record=plan.record)
    extra = table.schema.field(EXTRA).type if EXTRA in table.schema.names else pa.struct([])
    table = as_in_memory(table, selection_schema(extra), where)
    if not pc.all(pc.equal(table["shard"], plan.number)).as_py():
        raise ValueError(f"{where}: expected rows of shard {plan.number} only, found {table['shard'].unique()}")
    stored = pc.fill_null(one_chunk(table["stored"]), False).to_numpy(zero_copy_only=False)
    to_fetch, behind = np.flatnonzero(~stored), np.flatnonzero(stored)
    images, first = group_by_image(table.take(pa.array(to_fetch)), where)
    further, _ = group_by_image(table.take(pa.array(behind)), where)
    return ShardImages(images, to_fetch[first], further.select(further_captions_schema(extra).names), extra)


def group_by_image(table: pa.Table, where: str) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Make one row per image of selection rows sorted by (image_id, rank, pair_id); vectorised.

    Return the images and the row of each one's first caption.
    """
    words = words_from_ids(table["image_id"])
    changes = np.any(words[1:] != words[:-1], axis=1)
    first = np.concatenate([[0], np.flatnonzero(changes) + 1]).astype(np.int64)[: len(table)]
    keys = one_chunk(table["key"].take(pa.array(first)))
    if keys != hex_of_ids(table["image_id"].take(pa.array(first))):
        raise ValueError(f"{where}: expected key = hex of image_id in each row, found another; make the folder again")
    if len(keys) > 1 and not pc.all(pc.less(keys[:-1], keys[1:])).as_py():
        raise ValueError(f"{where}: expected rows sorted by image_id with one run per image and key = hex of image_id")
    images = table.select(["key", "image_id", "url", "image_ref", "caption"]).take(pa.array(first)).combine_chunks()
    stated = _first_stated(table["license"], first)
    images = images.append_column("license", one_chunk(table["license"]).take(pa.array(stated)))
    offsets = pa.array(np.append(first, len(table)), pa.int32())
    parallel = {"captions": table["caption"], "pair_ids": table["pair_id"], "query_ids": table["query_ids"]}
    if EXTRA in table.schema.names:
        parallel[EXTRA] = table[EXTRA]
    for name, column in parallel.items():
        values = one_chunk(column)
        values = values.cast(QUERY_IDS) if name == "query_ids" else values
        images = images.append_column(name, pa.ListArray.from_arrays(offsets, values))
    return images, first


def _first_stated(column: pa.ChunkedArray, first: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return, for each run of rows that begins at `first`, its first row with a value, or its first row."""
    if len(first) == 0:
        return first
    rows = np.arange(len(column))
    valid = one_chunk(column).is_valid().to_numpy(zero_copy_only=False)
    found = np.minimum.reduceat(np.where(valid, rows, len(rows)), first)
    return np.where(found < len(rows), found, first)


_SHARD_FILE = re.compile(r"(\d{5,})\.parquet")


def shard_plans(selection: Folder, shift: int) -> list[ShardPlan]:
    """Return the plans of a finished selection, by number; `shift` as `number_shift` gives it."""
    found = [(_SHARD_FILE.fullmatch(record.name), record) for record in read_files(selection)]
    plans = [ShardPlan(int(match[1]), int(match[1]) - shift, selection.url, record) for match, record in found if match]
    return sorted(plans, key=_plan_number)


def _plan_number(plan: ShardPlan) -> int:
    return plan.number


def number_shift(first: Folder) -> int:
    """Return how far the numbers of a folder's shards are behind those of their plans, from its `first` selection.

    That is how many plans of earlier rounds, in other folders, brought no image.
    """
    numbers = read_manifest(first, "selection")["summary"].get("shards", {})
    return int(numbers.get("first", 0)) - int(numbers.get("before", numbers.get("first", 0)))
