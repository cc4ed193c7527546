"""Histograms and frequencies: each value in one bin, the most frequent by name, hosts without what stands around."""

import numpy as np
import pyarrow as pa

from pipeline.report.tallies import Frequencies, Histogram, hosts_of


def test_a_value_on_an_edge_is_of_the_bin_above() -> None:
    histogram = Histogram((10, 20))
    histogram.add(np.array([0, 9, 10, 19]))
    histogram.add(np.array([20, 500]))
    histogram.add(np.zeros(0))
    assert histogram.counts.tolist() == [2, 2, 2]
    assert histogram.labels == ["< 10", "10\u201320", "\u2265 20"]
    assert histogram.as_json()["mean"] == 93
    assert histogram.max == 500
    assert Histogram((1,)).as_json()["mean"] is None


def test_the_most_frequent_come_first_and_null_is_none() -> None:
    found = Frequencies()
    found.add(pa.array(["b", "a", None, "c", "c"]))
    found.add(pa.chunked_array([["c", "b", "a"]]))
    assert found.most(2) == [("c", 3), ("a", 2)]
    assert found.is_exact


def test_beyond_its_bound_the_rarest_are_forgotten() -> None:
    found = Frequencies(max_values=4)
    found.add(pa.array(["a", "a", "b", "b", "c", "d", "e"]))
    assert found.most(9) == [("a", 2), ("b", 2)]
    assert not found.is_exact


def test_hosts() -> None:
    urls = ["http://User:pw@Example.ORG:80/a?b", "https://[::1]:8/x", "no url", None, "http://h?q", "http:///x"]
    assert hosts_of(pa.array(urls)).to_pylist() == ["example.org", "[::1]", None, None, "h", ""]
