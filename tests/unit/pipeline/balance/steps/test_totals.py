"""Totals: summed however they are bundled, read as they were written, exact beyond what a float holds."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipeline.balance.prediction import FIXED_POINT
from pipeline.balance.steps.totals import Totals, WriteTotals, read_totals, sum_totals
from schemas.storage import Folder

BUNDLES = st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 2**40)), max_size=9)


@given(BUNDLES, st.integers(0, 9))
def test_sums_of_sums_are_the_sum(bundles: list[tuple[int, int]], cut: int) -> None:
    totals = [Totals(expected=expected, before=before) for expected, before in bundles]
    summed = sum_totals([sum_totals(totals[:cut]), sum_totals(totals[cut:])])
    assert (summed.expected, summed.before) == tuple(sum(bundle[at] for bundle in bundles) for at in range(2))


def test_totals_are_read_as_they_were_written(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    assert read_totals(folder) == Totals()
    written = Totals(expected=5 * FIXED_POINT // 2, before=2**62 + 1)
    WriteTotals(folder.url, None).process(written)
    assert read_totals(folder) == written
    assert read_totals(folder).expected_pairs == 2.5
