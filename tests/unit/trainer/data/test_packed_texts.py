"""Packed captions: their tokens in order, cut into rows, padded; numbers that do not fit are refused."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.packed_texts import PackedTexts

ROWS = st.lists(st.lists(st.integers(1, 50_000), min_size=1, max_size=9), max_size=7)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.data())
def test_rows_are_those_of_the_lists(rows: list[list[int]], data: st.DataObject) -> None:
    texts = PackedTexts.from_rows(rows)
    assert texts.to_lists() == rows
    assert (texts.num, len(texts)) == (len(rows), len(rows))
    start = data.draw(st.integers(0, len(rows)))
    stop = data.draw(st.integers(start, len(rows)))
    part = texts.rows(start, stop)
    assert part.to_lists() == rows[start:stop]
    assert part.starts_N1.dtype == torch.int32
    assert part.starts_N1.tolist() == np.cumsum([0, *map(len, rows[start:stop])]).tolist()
    assert part.tokens_T[part.eos_N.long()].tolist() == [row[-1] for row in rows[start:stop]]


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_sorted_by_length_each_caption_is_found_again(rows: list[list[int]]) -> None:
    texts = PackedTexts.from_rows(rows)
    found, places_N = texts.by_length()
    assert sorted(found.lengths.tolist()) == found.lengths.tolist()
    assert [found.to_lists()[place] for place in places_N.tolist()] == rows
    assert found.starts_N1.tolist() == np.cumsum([0, *found.lengths]).tolist()
    assert texts.positions_T.tolist() == [place for row in rows for place in range(len(row))]


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_padded_rows_have_zeros_after_eos(rows: list[list[int]]) -> None:
    tokens_NL, eos_N = PackedTexts.from_rows(rows).padded(10)
    assert tokens_NL.tolist() == [row + [0] * (10 - len(row)) for row in rows]
    assert eos_N.tolist() == [len(row) - 1 for row in rows]


def test_padding_takes_the_longest_and_refuses_less() -> None:
    texts = PackedTexts.from_rows([[1, 2], [3, 4, 5]])
    assert texts.padded()[0].shape == (2, 3)
    with pytest.raises(ValueError, match="up to 3 tokens do not fit 2 positions"):
        texts.padded(2)


def test_lengths_of_other_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match=r"sum to the 3 tokens .* found 4"):
        PackedTexts.from_flat(np.array([1, 2, 3], dtype=np.int32), np.array([2, 2]))


def test_a_copy_on_a_device_keeps_lengths_on_the_host() -> None:
    moved = PackedTexts.from_rows([[1, 2], [3]]).to("meta", non_blocking=True)
    assert (moved.tokens_T.device.type, moved.starts_N1.device.type) == ("meta", "meta")
    assert moved.lengths.tolist() == [2, 1]
