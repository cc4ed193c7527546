"""What ``trainer detect run`` refuses before it opens anything."""

import pytest

from trainer.detect.run_config import DetectRunConfig

GIVEN = {"checkpoint": "c", "images": ("i",), "output": "o"}


def test_the_least_that_is_given() -> None:
    assert DetectRunConfig(**GIVEN, queries="a dog").most == 100


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give one of queries, queries_file and query_image, found none"),
        ({"queries": "a", "query_image": "b"}, "found queries and query_image"),
        ({"queries": "a", "query_box": (0.0, 0.0, 1.0, 1.0)}, "query_box takes query_image"),
        ({"query_image": "a", "query_box": (0.0, 0.0, 0.0, 1.0)}, "query_box must be left, top"),
        ({"queries": "a", "least_score": 1.5}, "least_score must be from 0 to 1, found 1.5"),
        ({"queries": "a", "most_iou": -0.1}, "most_iou must be from 0 to 1"),
        ({"queries": "a", "batch_size": 0}, "batch_size must be at least 1"),
    ],
    ids=["no query", "two kinds", "box of texts", "empty box", "score", "iou", "batch"],
)
def test_what_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DetectRunConfig(**GIVEN, **options)
