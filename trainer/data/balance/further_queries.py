"""Queries of captions that a refill selected for images stored before: they count, and give their sample chances.

In: the folders of a run, and the numbers of their queries. Out: for each image the range of its further query numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.buffers import words_from_ids
from schemas.sample import FURTHER_CAPTIONS
from schemas.shards_folder import further_captions
from schemas.storage import Folder
from schemas.tables import read_table
from trainer.data.balance.query_numbers import QueryNumbers
from trainer.data.balance.sidecar import Int32s, Int64s, flat_queries


@dataclass(frozen=True)
class FurtherQueries:
    """Query numbers by image; those of an image stand side by side."""

    images: npt.NDArray[np.uint64]
    """First half of the image_id of each row, ascending."""
    starts: Int64s
    """``[rows + 1]``: where the numbers of each row begin in `ids`."""
    ids: Int32s

    def __bool__(self) -> bool:
        return len(self.images) > 0

    def ranges(self, images: npt.NDArray[np.uint64]) -> tuple[Int64s, Int64s]:
        """Return where in `ids` the numbers of each image begin and end."""
        lows = np.searchsorted(self.images, images, side="left")
        highs = np.searchsorted(self.images, images, side="right")
        return self.starts[lows], self.starts[highs]


def further_queries(folders: Sequence[Folder], numbers: QueryNumbers) -> FurtherQueries:
    """Return the queries of all further captions. A caption may stand in another folder than its image."""
    images: list[npt.NDArray[np.uint64]] = []
    lengths: list[Int64s] = []
    ids: list[Int32s] = []
    for folder, of_folder in zip(folders, numbers.of_folder, strict=True):
        for _, name in further_captions(folder):
            table = read_table(folder, name, FURTHER_CAPTIONS, columns=["image_id", "query_ids"])
            starts, found = flat_queries(table["query_ids"], of_folder, folder.path(name))
            images.append(words_from_ids(table["image_id"])[:, 0])
            lengths.append(np.diff(starts))
            ids.append(found)
    if not images:
        return FurtherQueries(np.empty(0, np.uint64), np.zeros(1, np.int64), np.empty(0, np.int32))
    return _by_image(np.concatenate(images), np.concatenate(lengths), np.concatenate(ids))


def _by_image(images: npt.NDArray[np.uint64], lengths: Int64s, ids: Int32s) -> FurtherQueries:
    order = np.argsort(images, kind="stable")
    starts = np.append(np.int64(0), np.cumsum(lengths[order]))
    begins = (np.cumsum(lengths) - lengths)[order]
    taken = np.repeat(begins - starts[:-1], lengths[order]) + np.arange(len(ids), dtype=np.int64)
    return FurtherQueries(images[order], starts, ids[taken])
