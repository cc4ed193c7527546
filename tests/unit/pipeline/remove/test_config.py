"""The options of `pipeline remove`."""

import pytest

from pipeline.remove.config import RemoveConfig


@pytest.mark.parametrize(
    ("options", "told"),
    [({"filtered": ()}, "expected folders of pipeline filter"), ({"filtered": ("f",), "since": "today"}, "since must")],
    ids=["none", "no-day"],
)
def test_refused(options: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        RemoveConfig(shards="s", **options)
