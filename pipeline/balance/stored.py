"""Which selected pairs are on images that lie in the shards of earlier rounds: their captions go there, unasked.

The ids of these images are one sorted file of the work folder; a partition of images reads its range of them.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.balance.refill.earlier import IdSet, contains
from pipeline.balance.settings import STORED_FILE
from schemas.buffers import ID_BYTES, sortable_ids
from schemas.storage import Folder


def write_stored(folder: Folder, images: IdSet) -> None:
    """Write the ids of the stored images, sorted, into the work folder."""
    folder.write(STORED_FILE, images.astype(">u8").tobytes())


def stored_rows(folder: Folder, ordered: pa.Table) -> npt.NDArray[np.bool_]:
    """Tell which rows of a table in shard order are on stored images; without the file none is."""
    if len(ordered) == 0 or not folder.exists(STORED_FILE):
        return np.zeros(len(ordered), dtype=np.bool_)
    ids = sortable_ids(ordered["image_id"])
    return contains(_read_range(folder, ids[0].astype(">u8").tobytes(), ids[-1].astype(">u8").tobytes()), ids)


def _read_range(folder: Folder, low: bytes, high: bytes) -> IdSet:
    """Return the stored ids from `low` to `high`, both included: found by bisection, without reading the others."""
    with folder.open(STORED_FILE) as raw:
        total = folder.size(STORED_FILE) // ID_BYTES

        def first_from(wanted: bytes, with_equal: bool) -> int:
            begin, end = 0, total
            while begin < end:
                middle = (begin + end) // 2
                raw.seek(middle * ID_BYTES)
                found = raw.read(ID_BYTES)
                if found < wanted or (found == wanted and not with_equal):
                    begin = middle + 1
                else:
                    end = middle
            return begin

        begin, end = first_from(low, True), first_from(high, False)
        raw.seek(begin * ID_BYTES)
        data = raw.read((end - begin) * ID_BYTES)
    return np.frombuffer(data, dtype=">u8").astype(np.uint64).reshape(-1, 2)
