"""Random samples without a random generator: the rows whose text hashes lowest under a seed.

The same texts give the same sample in any order, and a longer list keeps what it still holds of the shorter one's.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.buffers import string_buffers
from schemas.identity import seed_key
from schemas.kernels.blake2 import digest_rows


def sample_rows(texts: pa.ChunkedArray | pa.Array, num: int, seed: int) -> npt.NDArray[np.int64]:
    """Return the rows of the `num` lowest hashes (all rows if there are fewer), lowest first."""
    data, offsets = string_buffers(texts)
    hashes = digest_rows(data, offsets, digest_bytes=8, person=b"wit.sample.1", key=seed_key(seed))[:, 0]
    return np.argsort(hashes, kind="stable")[:num].astype(np.int64)
