"""The chance of a sample to take part in an epoch, from the counts of its queries. Pure.

In: how many captions of all samples match each query, and the queries of a sample's captions. Out: its chance. The rule
is MetaCLIP's ("Demystifying CLIP Data", algorithm 1), as `pipeline balance --mode probabilistic` has it: each query of
each caption keeps the sample by a draw below cap / count, so the chance is 1 - product of (1 - min(1, cap / count)).
"""

import numpy as np
import numpy.typing as npt

from schemas.kernels.compiled import unlocked

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
UInt32s = npt.NDArray[np.uint32]

UNIT = 1 << 32
"""A chance is a whole number of 2^-32, so that sums are exact."""
ALWAYS = UNIT - 1
"""The chance of a sample that a query of at most cap captions keeps, as it is stored; it stands for 1."""


@unlocked
def count_queries(lows, highs, ids, counts):
    """Add to `counts` how often each query is among ``ids[lows[i] : highs[i]]`` of any sample i."""
    for sample in range(len(lows)):
        for at in range(lows[sample], highs[sample]):
            counts[ids[at]] += 1


@unlocked
def multiply_missed(lows, highs, ids, missed_by_query, missed):
    """Multiply for each sample the chance that none of its queries keeps it with those of ``ids[lows : highs]``."""
    for sample in range(len(lows)):
        left = missed[sample]
        for at in range(lows[sample], highs[sample]):
            left *= missed_by_query[ids[at]]
        missed[sample] = left


def missed_by_query(counts: Int64s, cap: int) -> Float64s:
    """Return 1 - min(1, cap / count) of each query: the chance that it does not keep the sample of a caption."""
    return np.maximum(0.0, 1.0 - cap / np.maximum(counts, 1))


def chances(missed: Float64s) -> UInt32s:
    """Return the chance of each sample, from that of being missed by all of its queries; without queries it is 0."""
    return np.minimum(np.rint((1.0 - missed) * UNIT), ALWAYS).astype(np.uint32)


def expected_size(stored: UInt32s) -> int:
    """Return how many of these samples are expected to be drawn, in units of 1 / `UNIT`."""
    return int(stored.sum(dtype=np.uint64)) + int(np.count_nonzero(stored == ALWAYS))
