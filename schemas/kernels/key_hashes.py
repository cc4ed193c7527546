"""The hash of each key of a column: that of `walk_headers`, so that keys of tars are found in it."""

import numpy as np

from schemas.kernels.compiled import unlocked
from schemas.kernels.tar_headers import hash_of_key


@unlocked
def hash_keys(data, offsets):
    """Return the hash of each text of a column, given as `schemas.buffers.string_buffers` does."""
    hashes = np.empty(len(offsets) - 1, dtype=np.int64)
    for row in range(len(hashes)):
        hashes[row] = hash_of_key(data, offsets[row], offsets[row + 1])
    return hashes
