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
from schemas.shard_index import as_arrays
from schemas.storage import Folder
from trainer.data.order.blocks import Blocks, cut_blocks, samples_per_block


@dataclass(frozen=True)
class BlockPlace:
    """Where a block lies."""

    folder: Folder
    tar: str
    begin: int
    end: int
    samples: int

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
        return BlockPlace(
            self.folders[int(self.folder_of[tar])], self.tars[tar].as_py(),
            int(self.begins[block]), int(self.ends[block]), int(self.blocks.sizes[block]),
        )  # fmt: skip


def join_indexes(folders: list[Folder], indexes: list[pa.Table]) -> ShardSource:
    """Return the source of `folders` with their `indexes`: the tars of one behind those of the other."""
    index = pa.concat_tables(indexes)
    arrays = as_arrays(index)
    total = int(arrays.samples.sum())
    blocks = cut_blocks(arrays.samples, samples_per_block(total, int(arrays.ends.sum())))
    examples = [text for text in index["example"].to_pylist() if text]
    return ShardSource(
        folders=folders,
        tars=one_chunk(index["tar"]),
        folder_of=np.repeat(np.arange(len(indexes), dtype=np.int32), [len(table) for table in indexes]),
        blocks=blocks,
        begins=arrays.begins(blocks.shards, blocks.first),
        ends=arrays.begins(blocks.shards, blocks.first + blocks.sizes),
        left_out=pc.sum(index["left_out"]).as_py() or 0,
        passed_over=pc.sum(index["passed_over"]).as_py() or 0,
        example=examples[0] if examples else "",
    )
