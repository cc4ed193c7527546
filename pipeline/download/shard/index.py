"""The index of the shards: noted while each tar is written, gathered when all have their numbers; no tar is read.

In: where samples begin. Out: what a shard's stats keep of it, a few kilobytes, and the rows of
``tables/shard_index.parquet`` as `schemas.tar_contents` would find them.
"""

import operator
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.download.shard.numbering import PlanUnit
from schemas.json_object import JsonObject
from schemas.shard_index import ROWS_A_GROUP, STRIDE, check_index, row_from_json, text_of_offsets
from schemas.shards_folder import TAR_SUFFIX, shard_name

NOTED = "index"
"""Key of the stats."""


@dataclass
class SampleOffsets:
    """Where the samples of a tar begin, as they are written."""

    begins: list[int] = field(default_factory=list)
    """Of every `STRIDE`-th."""
    samples: int = 0
    image_bytes: int = 0
    end: int = 0
    """Where the last member ends, with its padding."""

    def add(self, begin: int, image_bytes: int, end: int) -> None:
        """Note the next sample: its first header, the bytes of its image, and where its last member ends."""
        if self.samples % STRIDE == 0:
            self.begins.append(begin)
        self.samples += 1
        self.image_bytes += image_bytes
        self.end = end

    def noted(self) -> dict[str, Any]:
        """Return what the stats keep: offsets as one text, which is a tenth of as many numbers in memory."""
        offsets = text_of_offsets(np.array(self.begins, dtype=np.int64))
        return {"offsets": offsets, "image_bytes": self.image_bytes, "end": self.end}


def index_tables(shards: Iterable[PlanUnit]) -> Iterator[pa.Table]:
    """Yield the index of finished shards with their last numbers, by name, `ROWS_A_GROUP` rows at a time.

    Raises ValueError that names the stats which hold no such offsets.
    """
    by_name = {f"{shard_name(found.shard)}{TAR_SUFFIX}": found for found in shards if found.shard is not None}
    named = sorted(by_name.items(), key=operator.itemgetter(0))
    for first in range(0, len(named), ROWS_A_GROUP):
        table = pa.concat_tables([_row(name, found) for name, found in named[first : first + ROWS_A_GROUP]])
        yield table.combine_chunks()


def _row(name: str, found: PlanUnit) -> pa.Table:
    body = found.unit.body
    noted = body[NOTED]
    if not isinstance(noted, JsonObject):
        raise ValueError(f"{body.where}: expected {NOTED!r} to be an object, found {noted!r}; the file is damaged")
    row = {
        "tar": name,
        "tar_bytes": next(record.bytes for record in found.unit.files if record.name == name),
        "samples": body.count("successes"),
        "image_bytes": noted.count("image_bytes"),
        "end": noted.count("end"),
        "offsets": noted["offsets"],
        "left_out": 0,
        "passed_over": 0,
        "is_whole": True,
        "example": "",
    }
    table = row_from_json(row, body.where)
    check_index(table, body.where)
    return table
