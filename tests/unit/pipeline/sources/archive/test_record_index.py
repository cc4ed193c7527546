"""Records are found by their headers, whatever stands between them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.archive.gzip_members import batch
from pipeline.sources.archive.record_index import (
    BEGIN,
    CUT,
    END,
    KIND,
    MALFORMED,
    REQUEST,
    RESPONSE,
    START,
    STATUS,
    URL_BEGIN,
    URL_END,
    WHOLE,
    index_records,
)
from tests.support.crawl_files import record

KINDS = {"response": RESPONSE, "request": REQUEST}


def index(data: bytes, at_end: bool = True) -> tuple[np.ndarray, int]:
    found = batch([data], [0])
    rows, used = index_records(found.data, found.ends, at_end)
    return rows, int(used)


@given(st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.binary(max_size=40)), max_size=6))
def test_records_one_after_the_other(records: list[tuple[str, bytes]]) -> None:
    stored = [record(kind, "http://a.example/x", "application/http", body) for kind, body in records]
    data = b"".join(stored)
    rows, used = index(data)
    assert used == len(data)
    assert rows[:, STATUS].tolist() == [WHOLE] * len(records)
    assert rows[:, KIND].tolist() == [KINDS[kind] for kind, _ in records]
    assert [data[a:b] for a, b in rows[:, [BEGIN, END]].tolist()] == [body for _, body in records]
    assert {data[a:b] for a, b in rows[:, [URL_BEGIN, URL_END]].tolist()} <= {b"http://a.example/x"}
    assert rows[:, START].tolist() == [sum(map(len, stored[:number])) for number in range(len(stored))]


@pytest.mark.parametrize("noise", [b"garbage\n", b"\n\n\n", b"WARC/1.0\r\nContent-Length: -1\r\n\r\n"], ids=repr)
def test_after_what_is_none_the_next_header_is_looked_for(noise: bytes) -> None:
    good = record("response", "http://a.example/x", "application/http", b"body")
    rows, _ = index(good + noise + good)
    assert rows[rows[:, STATUS] == WHOLE, BEGIN].tolist() == [
        good.index(b"body"),
        len(good + noise) + good.index(b"body"),
    ]
    assert set(rows[:, STATUS].tolist()) <= {WHOLE, MALFORMED}


def test_a_record_that_goes_on_is_cut_at_the_end_and_waited_for_before() -> None:
    good = record("response", "http://a.example/x", "application/http", b"body")
    rows, used = index(good + good[:-6])
    assert rows[:, STATUS].tolist() == [WHOLE, CUT]
    rows, used = index(good + good[:-6], at_end=False)
    assert (rows[:, STATUS].tolist(), used) == ([WHOLE], len(good))
