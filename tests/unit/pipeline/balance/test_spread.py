"""Distributions by spreads: the runner reports what Beam's own distributions of the single values would."""

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from hypothesis import given
from hypothesis import strategies as st

from pipeline.balance.spread import Spread, add_to_distribution, joined, spread_of


class Distribute(beam.DoFn):
    def process(self, element: list[int]) -> None:
        add_to_distribution("test", "at_once", spread_of(np.array(element, dtype=np.int64)))
        for value in element:
            Metrics.distribution("test", "one_by_one").update(value)


def test_a_spread_is_a_distribution_to_the_runner() -> None:
    pipeline = beam.Pipeline(runner=FnApiRunner())
    created = pipeline | beam.Create([[3, 5, 9], [], [1], [2**40, 7]])
    _ = created | beam.Reshuffle() | beam.ParDo(Distribute())  # in more than one bundle
    result = pipeline.run()
    result.wait_until_finish()
    found = {found.key.metric.name: found.result.data for found in result.metrics().query()["distributions"]}
    assert found["at_once"] == found["one_by_one"]
    assert (found["at_once"].count, found["at_once"].max) == (6, 2**40)


@given(st.lists(st.lists(st.integers(0, 2**40), max_size=5), max_size=5))
def test_joined_spreads_are_the_spread_of_all(parts: list[list[int]]) -> None:
    whole = np.array([value for part in parts for value in part], dtype=np.int64)
    assert joined([spread_of(np.array(part, dtype=np.int64)) for part in parts]) == spread_of(whole)


def test_no_values_at_all() -> None:
    assert spread_of(np.zeros(0, dtype=np.int64)).as_json() == {"count": 0, "sum": 0, "min": 0, "max": 0}
    assert joined([]) == Spread()
