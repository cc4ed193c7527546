"""A run of a table of spellings: sorted, whatever the order of its slots and ids."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from querygen.counts.sorted_run import sorted_run

SPELLINGS = st.lists(
    st.tuples(st.integers(0, 3), st.binary(min_size=1, max_size=12), st.integers(1, 9)),
    max_size=20, unique_by=lambda row: row[1],
)  # fmt: skip


@given(SPELLINGS, st.data())
def test_rows_and_bigrams_are_sorted_and_counted(rows: list[tuple[int, bytes, int]], choice: st.DataObject) -> None:
    table = np.zeros((32, 4), np.uint64)
    slots = choice.draw(st.permutations(range(32)))
    arena = b""
    for number, (word_hash, spelling, count) in enumerate(rows):
        table[slots[number]] = 1000 - number, count << 32 | number + 1, word_hash, len(arena) << 11 | len(spelling)
        arena += spelling
    ids = st.integers(0, len(rows) - 1)
    pairs = choice.draw(st.lists(st.tuples(ids, ids), max_size=30)) if rows else []
    keys = np.array([first << 32 | second for first, second in pairs], np.uint64)
    run = sorted_run(table, len(rows), np.frombuffer(arena, np.uint8), keys, np.empty_like(keys))
    order = sorted(range(len(rows)), key=lambda number: (rows[number][0], -number))
    assert run.word_hash.tolist() == [rows[number][0] for number in order]
    assert run.count.tolist() == [rows[number][2] for number in order]
    assert run.size.tolist() == [len(rows[number][1]) for number in order]
    assert run.data.tobytes() == b"".join(rows[number][1] for number in order)
    ranked = [(order.index(first), order.index(second)) for first, second in pairs]
    assert list(zip(run.first.tolist(), run.second.tolist(), strict=True)) == sorted(set(ranked))
    assert run.counts.tolist() == [ranked.count(pair) for pair in sorted(set(ranked))]
