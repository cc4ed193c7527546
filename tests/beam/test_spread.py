"""Distributions by spreads: the runner reports what Beam's own distributions of the single values would."""

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.balance.spread import add_to_distribution, spread_of


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
