"""Views of Arrow columns say what the columns say, whatever their cuts, nulls and widths."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.buffers import (
    ID,
    hex_of_ids,
    ids_from_words,
    one_chunk,
    sortable_ids,
    string_buffers,
    strings,
    words_from_ids,
)

TEXTS = st.lists(st.none() | st.text(max_size=5), max_size=8)
IDS = st.lists(st.binary(min_size=16, max_size=16), max_size=8)
KINDS = [pa.string(), pa.large_string(), pa.binary(), pa.large_binary()]


@given(TEXTS, TEXTS, st.integers(0, 3), st.sampled_from(KINDS))
def test_texts_and_their_buffers_are_the_same(first: list[str], second: list[str], cut: int, kind: pa.DataType) -> None:
    column = pa.chunked_array([pa.array(part, pa.string()) for part in (first, second)]).cast(kind).slice(cut)
    expected = [(text or "").encode() for text in [*first, *second][cut:]]
    for given_column in (column, one_chunk(column)):
        data, offsets = string_buffers(given_column)
        assert [data[a:b].tobytes() for a, b in pairwise(offsets)] == expected
        assert strings(data, offsets).to_pylist() == [text.decode() for text in expected]


def test_a_column_of_no_chunk_is_an_empty_one() -> None:
    assert one_chunk(pa.chunked_array([], pa.string())).to_pylist() == []
    data, offsets = string_buffers(pa.chunked_array([], pa.string()))
    assert (len(data), offsets.tolist()) == (0, [0])


def test_a_column_of_no_texts_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a string or binary column, found int64"):
        string_buffers(pa.array([1]))


@given(IDS, st.integers(0, 3))
def test_ids_and_their_words_are_the_same(ids: list[bytes], cut: int) -> None:
    column = pa.array(ids, ID).slice(cut)
    words = words_from_ids(column)
    assert [row.tobytes() for row in words] == ids[cut:]
    assert ids_from_words(words).equals(column)
    assert hex_of_ids(column).to_pylist() == [one.hex() for one in ids[cut:]]


@given(IDS)
def test_sortable_words_have_the_order_of_the_bytes(ids: list[bytes]) -> None:
    words = sortable_ids(pa.array(ids, ID))
    order = np.lexsort((words[:, 1], words[:, 0])) if ids else []
    assert [ids[row] for row in order] == sorted(ids)


def test_what_is_no_column_of_ids_is_refused() -> None:
    with pytest.raises(TypeError, match=r"expected fixed_size_binary\[16\], found binary"):
        words_from_ids(pa.array([b"x"]))
    with pytest.raises(ValueError, match="has no nulls"):
        words_from_ids(pa.array([None], ID))
    with pytest.raises(ValueError, match=r"expected shape \[rows, 2\], found \(3,\)"):
        ids_from_words(np.zeros(3, dtype=np.uint64))
