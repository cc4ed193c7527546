"""Points and intervals of the curve."""

import pytest
from scipy.stats import binomtest

from pipeline.download.recheck.curve import curve_of, wilson


@pytest.mark.parametrize(("successes", "num"), [(0, 5), (5, 5), (3, 10), (620, 1000), (1, 1)])
def test_wilsons_interval_is_that_of_scipy(successes: int, num: int) -> None:
    known = binomtest(successes, num).proportion_ci(0.95, method="wilson")
    assert wilson(successes, num) == pytest.approx((known.low, known.high), abs=1e-6)


def test_nothing_asked_tells_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_download_is_the_first_point_and_a_whole_recheck_has_no_error() -> None:
    statuses = {"alive_same": 5, "alive_changed": 1, "gone": 3, "opted_out": 1}
    record = {"day": "2026-11-05", "images": 10, "sample": 0, "heads_only": False, "statuses": statuses}
    curve = curve_of([record, {**record, "sample": 10}], {"images_planned": 40, "images_succeeded": 30}, "2026-01-02")
    first, whole, sampled = curve["points"]
    assert (first["day"], first["shares"]["alive"], curve["downloaded"]["share"]) == ("2026-01-02", 1.0, 0.75)
    assert whole["shares"] == {"alive": 0.6, "changed": 0.1, "gone": 0.3, "may_heal": 0.0, "opted_out": 0.1}
    assert whole["intervals"] is None
    assert sampled["intervals"]["gone"][0] < 0.3 < sampled["intervals"]["gone"][1]
