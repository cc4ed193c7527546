"""Which stored images are asked for again: tables of a folder in; plans, some tables each, out.

Drawn are the images with the lowest hashes of their ids: a sample of N is held by every larger one of the same seed.
Memory: 8 bytes an image of the sample, and a table.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.buffers import one_chunk, string_buffers
from schemas.identity import ranks, seed_key
from schemas.kernels.key_hashes import hash_keys
from schemas.removals import Removals, digest_prefix
from schemas.sample import SHARD_TABLE, STATUS_SUCCESS
from schemas.shards_folder import shard_name
from schemas.storage import FileRecord, Folder
from schemas.tables import read_table

COLUMNS = ["key", "image_id", "url", "image_ref", "status", "sha256"]

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Draw:
    """The sample: images whose hash is at most `highest`; None: all."""

    seed: int
    highest: int | None

    def takes(self, image_ids: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.bool_]:
        """Tell of each image whether it is in the sample."""
        if self.highest is None:
            return np.ones(len(image_ids), dtype=np.bool_)
        return ranks(image_ids, seed_key(self.seed)) <= np.uint64(self.highest)


@dataclass(frozen=True)
class RecheckPlan:
    """The element of the Beam job: the images of some tables of `shards`."""

    number: int
    shards: str
    """URL of the folder."""
    sources: tuple[FileRecord, ...]
    draw: Draw

    @property
    def name(self) -> str:
        return shard_name(self.number)


def lowest(found: Hashes, more: Hashes, num: int) -> Hashes:
    """Return the `num` lowest of both, in any order."""
    both = np.concatenate([found, more])
    return both if len(both) <= num else np.partition(both, num - 1)[:num]


def draw_images(folders_ids: Iterator[pa.ChunkedArray | pa.Array], num: int, seed: int) -> Draw:
    """Return the draw of `num` of all ids that are given (0: of all)."""
    if not num:
        return Draw(seed, None)
    found = np.zeros(0, dtype=np.uint64)
    for image_ids in folders_ids:
        found = lowest(found, ranks(image_ids, seed_key(seed)), num)
    return Draw(seed, int(found.max()) if len(found) == num else None)


def stored_images(folder: Folder, record: FileRecord, removals: Removals | None) -> pa.Table:
    """Return `COLUMNS` of the images of a table that are stored, came from a URL, and are not removed."""
    table = read_table(folder, record.name, SHARD_TABLE, COLUMNS, record)
    wanted = pc.and_(pc.equal(table["status"], STATUS_SUCCESS), table["url"].is_valid())
    table = table.filter(pc.and_(wanted, table["image_ref"].is_null()))
    if removals is None or not len(table):
        return table
    removed = removals.of_keys(hash_keys(*string_buffers(one_chunk(table["key"]))))
    if len(removals.digests):
        digests = [digest_prefix(sha256) if sha256 else 0 for sha256 in table["sha256"].to_pylist()]
        removed |= removals.of_digests(np.array(digests, dtype=np.uint64))
    return table.filter(pa.array(~removed))


def recheck_plans(
    folder: Folder, records: list[FileRecord], removals: Removals | None, draw: Draw, images_per_plan: int
) -> tuple[list[RecheckPlan], int]:
    """Return plans of at least `images_per_plan` images, where there are as many, and the number of all images."""
    plans: list[RecheckPlan] = []
    waiting: list[FileRecord] = []
    images = total = 0
    for record in records:
        drawn = int(draw.takes(stored_images(folder, record, removals)["image_id"]).sum())
        if drawn:
            waiting.append(record)
            images, total = images + drawn, total + drawn
        if images >= images_per_plan:
            plans.append(RecheckPlan(len(plans), folder.url, tuple(waiting), draw))
            waiting, images = [], 0
    if waiting:
        plans.append(RecheckPlan(len(plans), folder.url, tuple(waiting), draw))
    return plans, total
