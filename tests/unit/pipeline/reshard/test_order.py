"""The order of the output against one made by a dictionary."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reshard.order import FAILED, REMOVED, SAMPLE, order_rows, positions_of

ROWS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 2), st.sampled_from([SAMPLE, REMOVED, FAILED])), max_size=30
)


@given(ROWS, st.booleans())
def test_each_image_once_a_sample_before_others_then_the_first(rows: list[tuple[int, int, int]], ranked: bool) -> None:
    ids = np.array([row[:2] for row in rows], dtype=np.uint64).reshape(-1, 2)
    kinds = np.array([row[2] for row in rows], dtype=np.uint8)
    ranks = (ids[:, 0] * np.uint64(31) + ids[:, 1]) % np.uint64(7) if ranked else None
    best: dict[tuple[int, int], int] = {}
    for number, row in enumerate(rows):
        known = best.get(row[:2])
        if known is None or row[2] < rows[known][2]:
            best[row[:2]] = number
    samples = sorted(number for number in best.values() if rows[number][2] == SAMPLE)
    if ranks is not None:
        samples.sort(key=lambda number: int(ranks[number]))
    found = order_rows(ids, kinds, ranks)
    assert found.samples.tolist() == samples
    assert found.failures.tolist() == sorted(set(best.values()) - set(samples))
    assert found.repeated_samples + found.repeated_failures == len(rows) - len(best)
    wanted = np.array([[high, low] for high in range(8) for low in range(3)], dtype=np.uint64)
    places = positions_of(found, ids, kinds, wanted)
    expected = [samples.index(best[key]) if best.get(key) in samples else -1 for key in map(tuple, wanted.tolist())]
    assert places.tolist() == expected
