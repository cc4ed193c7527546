"""The cap of every query: one for all, or one per language from the share of matches its tail holds. Pure.

::

    queries by matches:   1 1 2 2 3 5 8 | 30 400 9000        tail share: what the queries left of the bar hold of
                                      ^ cap                  all matches of the language
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]

MAX_DENOMINATOR = 1_000_000
"""A tail share is taken to six digits, so that 9e12 matches compare in 64 bits."""


def exact_share(share: float) -> Fraction:
    """Return the share as the decimal number that was written."""
    return Fraction(str(share)).limit_denominator(MAX_DENOMINATOR)


def cap_of_tail_share(matched: Int64Array, share: Fraction) -> int:
    """Return the cap at which queries up to it hold about `share` of all matches; 1 when nothing matched.

    MetaCLIP 2's rule (its ``p_to_t``): order the queries by matches; the cap is the count of the query up to which
    the running sum comes nearest to the share, the first of equals. In integers, so no rounding decides.
    """
    counts = np.sort(matched[matched > 0])
    if len(counts) == 0:
        return 1
    running = np.cumsum(counts)
    distance = np.abs(running * share.denominator - int(running[-1]) * share.numerator)
    return int(counts[np.argmin(distance)])


def caps_of_languages(
    matched: Int64Array, language_of: npt.NDArray[np.int32], num_languages: int, share: float
) -> list[int]:
    """Return the cap of each language; ``language_of`` gives the language's number for every query."""
    exact = exact_share(share)
    return [cap_of_tail_share(matched[language_of == number], exact) for number in range(num_languages)]


def caps_of_queries(language_of: npt.NDArray[np.int32], caps: Sequence[int]) -> Int64Array:
    """Return the cap of each query from the caps of the languages."""
    return np.asarray(caps, dtype=np.int64)[language_of]


def tail_share(matched: Int64Array, caps: Int64Array) -> float:
    """Return the share of all matches that queries with at most their cap hold, to six digits."""
    return round(float(matched[matched <= caps].sum() / max(1, matched.sum())), 6)
