"""Every record is counted once: as read, or under its kind."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.archive.record_index import JSON_METADATA, KIND, METADATA, PIECE, RESPONSE
from pipeline.sources.archive.record_kinds import NOT_HTML, RecordCounts
from pipeline.sources.source import Dropped, Read


def rows(kinds: list[int]) -> np.ndarray:
    found = np.zeros((len(kinds), PIECE + 1), dtype=np.int64)
    found[:, KIND] = kinds
    return found


@given(st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=4), st.sampled_from([RESPONSE, JSON_METADATA]))
def test_together_they_are_all_records(files: list[list[int]], wanted: int) -> None:
    counts = RecordCounts()
    for kinds in files:
        counts.add_all_but(wanted, rows(kinds))
        counts.add_read(kinds.count(wanted))
    read, *dropped = counts.items()
    assert isinstance(read, Read)
    assert read.count == sum(kinds.count(wanted) for kinds in files)
    assert read.count + sum(one.count for one in dropped if isinstance(one, Dropped)) == sum(map(len, files))


def test_kinds_have_names_and_both_metadata_the_same() -> None:
    counts = RecordCounts()
    counts.add_all_but(RESPONSE, rows([METADATA, JSON_METADATA, RESPONSE, RESPONSE]))
    counts.add_read(1, num_cut=1)
    counts.add_left_out(NOT_HTML)
    assert list(counts.items()) == [Read(1, 1), Dropped("record_metadata", 2), Dropped("record_not_html", 1)]


def test_no_records_are_none_read() -> None:
    assert list(RecordCounts().items()) == [Read(0, 0)]
