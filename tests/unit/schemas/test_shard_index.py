"""The index of shards: where blocks begin, what an index of another tar or a damaged one says."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.kernels.tar_headers import OFFSET
from schemas.shard_index import SHARD_INDEX, STRIDE, as_arrays, check_fits, check_index, index_row
from schemas.tables import check_schema
from schemas.tar_contents import read_contents
from tests.support.file_parts import part_of
from tests.unit.schemas.test_tar_contents import sample, tar_of


def index_of(*counts: int) -> tuple[pa.Table, list[list[int]]]:
    """Return the index of tars with so many samples, and the offsets of all of them."""
    rows, offsets = [], []
    for number, count in enumerate(counts):
        data = part_of(tar_of([member for key in range(count) for member in sample(key, 10 + 300 * (key % 3))]))
        contents = read_contents(data)
        rows.append(index_row(f"{number}.tar", contents, data))
        offsets.append([*contents.samples[:, OFFSET].tolist(), contents.end])
    return pa.concat_tables(rows), offsets


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([0, 1, STRIDE - 1, STRIDE, STRIDE + 1, 3 * STRIDE + 5]), min_size=1, max_size=4))
def test_blocks_begin_where_their_first_sample_does(counts: list[int]) -> None:
    index, offsets = index_of(*counts)
    check_schema(index, SHARD_INDEX, "index")
    check_index(index, "index")
    arrays = as_arrays(index)
    for tar, count in enumerate(counts):
        places = [*range(0, count, STRIDE), count]
        found = arrays.begins(np.full(len(places), tar), np.array(places))
        assert found.tolist() == [offsets[tar][place] for place in places]


def test_what_is_counted() -> None:
    data = part_of(tar_of([*sample(0), ("alone.txt", b"x"), ("._a.jpg", b"y")]))
    row = index_row("a.tar", read_contents(data), data).to_pylist()[0]
    assert (row["samples"], row["image_bytes"], row["left_out"], row["passed_over"]) == (1, 700, 1, 1)
    assert row["example"] == "alone.txt: image_missing"


def test_a_key_of_two_samples_is_an_error() -> None:
    data = part_of(tar_of([*sample(1), *sample(2), ("000001.png", b"again")]))
    with pytest.raises(ValueError, match=r"^a\.tar: expected each key once, two samples have '000001'"):
        index_row("a.tar", read_contents(data), data)


@pytest.mark.parametrize(
    ("column", "value"),
    [("samples", -1), ("samples", 65), ("end", 10**9), ("offsets", [5, 5]), ("offsets", [-1, 5]), ("offsets", [0])],
)
def test_a_row_that_is_of_no_tar_is_an_error_that_names_it(column: str, value: object) -> None:
    rows = index_of(3, 40, 40)[0].to_pylist()
    rows[1][column] = value
    with pytest.raises(ValueError, match=r"^there: the row of 1\.tar is that of no tar"):
        check_index(pa.Table.from_pylist(rows, SHARD_INDEX), "there")


def test_an_index_of_other_tars_is_an_error_that_names_the_first() -> None:
    index = index_of(1, 2)[0]
    sizes = index["tar_bytes"].to_pylist()
    check_fits(index, [("0.tar", sizes[0]), ("1.tar", sizes[1])], "there")
    with pytest.raises(ValueError, match=rf"^there: does not fit 1\.tar: 7 bytes, {sizes[1]} when it was indexed"):
        check_fits(index, [("0.tar", sizes[0]), ("1.tar", 7)], "there")
    with pytest.raises(ValueError, match=r"does not fit 2\.tar: the index does not have it"):
        check_fits(index, [("0.tar", sizes[0]), ("1.tar", sizes[1]), ("2.tar", 1)], "there")
    with pytest.raises(ValueError, match=r"does not fit 1\.tar: the tar is gone"):
        check_fits(index, [("0.tar", sizes[0])], "there")
