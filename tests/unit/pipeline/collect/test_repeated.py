"""Captions that occur with too many images: counted exactly, however the pairs are cut."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.collect.repeated import caption_images, caption_partition, is_repeated, lowest_images, repeated_captions
from schemas.buffers import ID


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 9)), max_size=60), st.integers(1, 4),
       st.lists(st.integers(0, 60), max_size=4))  # fmt: skip
def test_repeated_captions_equal_a_plain_count(rows: list[tuple[str, int]], limit: int, cuts: list[int]) -> None:
    candidates = pa.table(
        {"caption": [caption for caption, _ in rows], "image_id": pa.array([bytes([n]) * 16 for _, n in rows], ID)}
    )
    table = caption_images(candidates.cast(pa.schema([("caption", pa.string()), ("image_id", ID)])))
    bounds = sorted({0, len(table), *[min(cut, len(table)) for cut in cuts]})
    parts = [lowest_images(table.slice(begin, end - begin), limit) for begin, end in pairwise(bounds)]
    found = repeated_captions(parts, limit)
    images: dict[str, set[int]] = {}
    for caption, image in rows:
        images.setdefault(caption, set()).add(image)
    expected = {caption for caption, found_with in images.items() if len(found_with) > limit}
    mask = is_repeated(pa.table({"caption": pa.array(list(images), pa.string())}), found)
    assert {caption for caption, repeated in zip(images, mask, strict=True) if repeated} == expected
    assert len(found) == len(expected)
    for part in parts:
        assert max(Counter(part["caption"].to_pylist()).values(), default=0) <= limit + 1


@given(st.lists(st.integers(0, 2**64 - 1), max_size=20), st.sampled_from([1, 2, 16, 1024]))
def test_a_partition_is_a_range_of_hashes(hashes: list[int], num_partitions: int) -> None:
    found = caption_partition(np.array(hashes, dtype=np.uint64), num_partitions)
    assert found.tolist() == [value * num_partitions >> 64 for value in hashes]
