"""Options of the report: what is out of range is named."""

from typing import Any

import pytest

from querygen.report.config import ReportConfig


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": -1}, "samples must be 0 or more, found -1"), ({"seed": -1}, "seed must be in"),
        ({"seed": 2**64}, "seed must be in"), ({"output": ""}, "output must be a file, found ''"),
        ({"output": "folder/"}, "output must be a file, found 'folder/'"),
    ],
    ids=["samples", "seed", "large seed", "no output", "folder"],
)  # fmt: skip
def test_what_is_out_of_range_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReportConfig(**{"queries": "q", "output": "a.html"} | options)


def test_the_ends_of_the_ranges_are_taken() -> None:
    ReportConfig(queries="q", output="a.html", samples=0, seed=2**64 - 1)
