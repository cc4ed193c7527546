"""Beam metrics a table at a time: distributions of many values at once, and their form in reports.

In: an array of integers. Out: its count, sum, smallest and largest, for the runner and for the manifest. Beam's own
``Metrics.distribution`` takes one value a call, which is a call per row.
"""

import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from apache_beam.metrics import monitoring_infos
from apache_beam.metrics.cells import DistributionData, MetricCell
from apache_beam.metrics.execution import MetricUpdater
from apache_beam.metrics.metricbase import MetricName


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What a distribution keeps of the values it saw; all 0 when there were none."""

    count: int = 0
    sum: int = 0
    min: int = 0
    max: int = 0

    def as_json(self) -> dict[str, int]:
        """Return the form in reports."""
        return asdict(self)


def spread_of(values: npt.NDArray[np.integer]) -> Spread:
    """Return the spread of whole numbers."""
    if len(values) == 0:
        return Spread()
    return Spread(count=len(values), sum=int(values.sum()), min=int(values.min()), max=int(values.max()))


def joined(spreads: Iterable[Spread]) -> Spread:
    """Return the spread of all values together."""
    found = [spread for spread in spreads if spread.count]
    if not found:
        return Spread()
    return Spread(
        count=sum(spread.count for spread in found),
        sum=sum(spread.sum for spread in found),
        min=min(spread.min for spread in found),
        max=max(spread.max for spread in found),
    )


class _SpreadCell(MetricCell):
    """A distribution's cell that takes a `Spread` in place of a value; the runner sees an ordinary distribution."""

    def __init__(self) -> None:
        super().__init__()
        self._spreads_lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        self._data = DistributionData.identity_element()

    def update(self, value: Spread) -> None:
        with self._spreads_lock:
            self._data = self._data.combine(DistributionData(value.sum, value.count, value.min, value.max))

    def get_cumulative(self) -> Any:
        with self._spreads_lock:
            return self._data.get_cumulative()

    def to_runner_api_monitoring_info_impl(self, name: MetricName, transform_id: str) -> Any:
        return monitoring_infos.int64_user_distribution(
            name.namespace, name.name, self.get_cumulative(), ptransform=transform_id
        )


def add_to_distribution(namespace: str, name: str, spread: Spread) -> None:
    """Add the values of `spread` to the Beam distribution `name` of the step that is running."""
    if spread.count:
        MetricUpdater(_SpreadCell, MetricName(namespace, name))(spread)
