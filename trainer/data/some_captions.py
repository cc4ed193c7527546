"""Captions to train a tokenizer on: of all samples, or of blocks spread evenly over a larger set."""

from collections.abc import Callable, Iterator

from trainer.data.data_set import DataSet
from trainer.data.read.block_bytes import BlockBytes
from trainer.data.read.captions import captions_of


def some_captions(
    data: DataSet, read: BlockBytes, further: Callable[[str], list[str]] | None, most: int
) -> Iterator[str]:
    """Yield at most about `most` captions, in the order of the shards; of each block that is read, all."""
    for number, source in enumerate(data.sources):
        wanted = max(1, most * source.num_samples // data.num_samples)
        stride = max(1, source.num_samples // wanted)
        given = 0
        for block_number in range(0, len(source.blocks), stride):
            block, _ = data.open_block(read, number, block_number)
            for sample in (sample for sample in range(len(block)) if sample not in block.faults):
                captions = captions_of(block.description(sample), block.text(sample))
                if further is not None:
                    captions = captions + further(block.key(sample))
                yield from captions
                given += len(captions)
            if given >= wanted:
                break
