"""The plan of one shard: a selection file in, its images with their captions out."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.buffers import one_chunk, words_from_ids
from schemas.candidate import QUERY_IDS, selection_schema
from schemas.sample import shard_name
from schemas.storage import Folder
from schemas.tables import as_in_memory, read_table


@dataclass(frozen=True)
class ShardPlan:
    """The element of the Beam job: one shard to make."""

    shard: int
    selection: str
    """URL of the selection folder."""
    file: str
    """Name of the selection file in it."""

    @property
    def name(self) -> str:
        return shard_name(self.shard)


@dataclass(frozen=True)
class ImageReference:
    """Where a local image lies: see `schemas.candidate.IMAGE_REF`."""

    root: str
    member: str
    offset: int | None
    length: int | None


@dataclass(frozen=True)
class ShardImages:
    """The images of one shard, one row each, sorted by key.

    `table` has the columns key, image_id, url, image_ref, caption, captions, pair_ids, query_ids; `first_row`
    is the row of each image's first caption in the selection file.
    """

    table: pa.Table
    first_row: np.ndarray


def read_shard_images(plan: ShardPlan) -> ShardImages:
    """Read the selection file of `plan` and group its rows by image.

    Raises ValueError when the file has another schema or its rows are not sorted by image_id.
    """
    folder = Folder(plan.selection)
    table = read_table(folder, plan.file)
    extra = table.schema.field("extra").type if "extra" in table.schema.names else None
    where = folder.path(plan.file)
    return group_by_image(as_in_memory(table, selection_schema(extra), where), where)


def group_by_image(table: pa.Table, where: str) -> ShardImages:
    """Make one row per image of selection rows sorted by (image_id, rank, pair_id); vectorised."""
    words = words_from_ids(table["image_id"])
    changes = np.any(words[1:] != words[:-1], axis=1)
    first = np.concatenate([[0], np.flatnonzero(changes) + 1]).astype(np.int64)[: len(table)]
    keys = one_chunk(table["key"].take(pa.array(first)))
    if len(keys) > 1 and not pc.all(pc.less(keys[:-1], keys[1:])).as_py():
        raise ValueError(f"{where}: expected rows sorted by image_id with one run per image and key = hex of image_id")
    offsets = pa.array(np.append(first, len(table)), pa.int32())
    images = table.select(["key", "image_id", "url", "image_ref", "caption"]).take(pa.array(first)).combine_chunks()
    query_ids = one_chunk(table["query_ids"]).cast(QUERY_IDS)
    for name, values in (("captions", one_chunk(table["caption"])), ("pair_ids", one_chunk(table["pair_id"]))):
        images = images.append_column(name, pa.ListArray.from_arrays(offsets, values))
    images = images.append_column("query_ids", pa.ListArray.from_arrays(offsets, query_ids))
    return ShardImages(images, first)
