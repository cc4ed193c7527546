"""What a run holds as bytes: pairs survive, changed bytes lead nowhere."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from querygen.counts.run_codec import BROKEN, MAX_BYTES_PER_PAIR, decode_heads, decode_pairs, encode_heads, encode_pairs


def rows(table: pa.Table) -> list[tuple[str, str, int]]:
    return [(row["text"], row["surface"], row["count"]) for row in table.to_pylist()]


PAIRS = st.dictionaries(
    st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1)), st.integers(1, 2**32 - 1), max_size=50
)


@given(PAIRS, st.integers(1, 3))
def test_pairs_survive_packing(counted: dict[tuple[int, int], int], shift: int) -> None:
    summed: dict[tuple[int, int], int] = {(a >> 10 * shift, b >> 10 * shift): n for (a, b), n in counted.items()}
    pairs = sorted(summed)
    first, second = (np.array([pair[k] for pair in pairs], np.uint32) for k in (0, 1))
    room = np.empty(MAX_BYTES_PER_PAIR * len(pairs), np.uint8)
    used = encode_pairs(first, second, np.array([summed[p] for p in pairs], np.uint32), 0, len(pairs), room)
    numbers = np.unique(np.concatenate([first, second]))
    whole = np.full(int(numbers[-1]) + 1 if len(numbers) else 0, -1, np.int32)
    whole[numbers] = np.arange(len(numbers))
    keys, counts = np.empty(len(pairs), np.uint64), np.empty(len(pairs), np.int64)
    assert decode_pairs(room[:used], whole, keys, counts) == len(pairs)
    unpacked = [(int(numbers[key >> 32]), int(numbers[key & 0xFFFFFFFF])) for key in keys.tolist()]
    assert dict(zip(unpacked, counts.tolist(), strict=True)) == summed


def test_packed_counts_that_were_changed_lead_nowhere() -> None:
    pairs = [(first, second, count) for first in range(0, 300, 7) for second, count in ((1, 5), (200, 70_000))]
    first, second, counts = (np.array(column, np.uint32) for column in zip(*pairs, strict=True))
    room = np.empty(MAX_BYTES_PER_PAIR * len(pairs), np.uint8)
    packed = room[: encode_pairs(first, second, counts, 0, len(pairs), room)].copy()
    numbers = np.arange(300, dtype=np.int32)
    for place in range(len(packed)):
        for value in (0, 1, 127, 128, 255):
            changed = packed.copy()
            changed[place] = value
            keys, found = np.full(len(pairs) + 1, 7, np.uint64), np.full(len(pairs) + 1, 7, np.int64)
            rows = decode_pairs(changed, numbers, keys[: len(pairs)], found[: len(pairs)])
            assert BROKEN <= rows <= len(pairs)
            assert (keys[-1], found[-1]) == (7, 7)  # what is behind the room is not written to
    heads = np.empty(100, np.uint8)
    used = encode_heads(np.array([3, 300, 5], np.uint16), np.array([1, 1, 1 << 31], np.uint32), 0, 3, heads)
    sizes, numbers_of = np.empty(3, np.uint16), np.empty(3, np.uint32)
    assert decode_heads(heads[:used], 300, sizes, numbers_of) == 308
    for wrong, most in ((heads[: used - 1], 300), (heads[: used + 1], 300), (heads[:used], 299)):
        assert decode_heads(wrong, most, sizes, numbers_of) == BROKEN
