"""A source of samples: one or more folders of shards as one sequence of tars, cut into blocks.

In: folders and their indexes. Out: the sizes of the blocks, which decide the order, and where each lies in which tar.
Held are about 50 bytes a block of 320 samples; nothing is held a sample.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.buffers import one_chunk
from schemas.removals import Removals
from schemas.shard_index import as_arrays
from schemas.storage import Folder
from schemas.stored_index import ShardIndex
from trainer.data.order.blocks import Blocks, cut_blocks, samples_per_block


@dataclass(frozen=True)
class BlockPlace:
    """Where a block lies."""

    folder: Folder
    tar: str
    begin: int
    end: int
    samples: int
    removals: Removals | None = None
    """Of its folder."""
    tar_bytes: int = 0
    """Of the whole tar as it was indexed; 0 where it is not known."""

    @property
    def where(self) -> str:
        return f"{self.folder.path(self.tar)}, bytes {self.begin} to {self.end}"


@dataclass(frozen=True)
class ShardSource:
    """The blocks of a source, and where they are."""

    folders: list[Folder]
    tars: pa.Array
    folder_of: npt.NDArray[np.int32]
    """Number of the folder of each tar."""
    blocks: Blocks
    begins: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    left_out: int
    passed_over: int
    example: str
    removals: list[Removals | None]
    """Of each folder."""
    tar_bytes: npt.NDArray[np.int64]
    """Of each tar."""

    @property
    def num_samples(self) -> int:
        return int(self.blocks.sizes.sum(dtype=np.int64))

    @property
    def num_bytes(self) -> int:
        """Bytes of all blocks."""
        return int((self.ends - self.begins).sum())

    def place(self, block: int) -> BlockPlace:
        """Return where block number `block` lies."""
        tar = int(self.blocks.shards[block])
        folder = int(self.folder_of[tar])
        return BlockPlace(
            self.folders[folder], self.tars[tar].as_py(), int(self.begins[block]), int(self.ends[block]),
            int(self.blocks.sizes[block]), self.removals[folder], int(self.tar_bytes[tar]),
        )  # fmt: skip


def join_indexes(
    folders: list[Folder], indexes: list[ShardIndex], removals: list[Removals | None] | None = None
) -> ShardSource:
    """Return the source of `folders` with their `indexes` and `removals`: the tars of one behind those of the other.

    Of the offsets those of a group of tars are in memory at a time, and afterwards none.
    """
    rows = pa.concat_tables([index.rows for index in indexes]).combine_chunks()
    samples = one_chunk(rows["samples"]).to_numpy().astype(np.int64)
    ends = one_chunk(rows["end"]).to_numpy()
    blocks = cut_blocks(samples, samples_per_block(int(samples.sum()), int(ends.sum())))
    begins, block_ends = _places(blocks, indexes)
    pa.default_memory_pool().release_unused()  # else Arrow keeps what the groups took: 12 MB at 10 million samples
    examples = rows["example"].filter(pc.not_equal(rows["example"], ""))
    return ShardSource(
        folders=folders,
        tars=one_chunk(rows["tar"]),
        folder_of=np.repeat(np.arange(len(indexes), dtype=np.int32), [len(index.rows) for index in indexes]),
        blocks=blocks,
        begins=begins,
        ends=block_ends,
        left_out=pc.sum(rows["left_out"]).as_py() or 0,
        passed_over=pc.sum(rows["passed_over"]).as_py() or 0,
        example=examples[0].as_py() if len(examples) else "",
        removals=removals if removals is not None else [None] * len(folders),
        tar_bytes=one_chunk(rows["tar_bytes"]).to_numpy(),
    )


def _places(blocks: Blocks, indexes: list[ShardIndex]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return where each block begins and ends in its tar."""
    begins, ends = np.empty(len(blocks), dtype=np.int64), np.empty(len(blocks), dtype=np.int64)
    first_tar = 0
    for group in (group for index in indexes for group in index.groups()):
        arrays = as_arrays(group)
        low, high = np.searchsorted(blocks.shards, [first_tar, first_tar + len(group)])
        tars, first = blocks.shards[low:high] - first_tar, blocks.first[low:high]
        begins[low:high] = arrays.begins(tars, first)
        ends[low:high] = arrays.begins(tars, first + blocks.sizes[low:high])
        first_tar += len(group)
    return begins, ends
