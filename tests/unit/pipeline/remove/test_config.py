"""The options of `pipeline remove`."""

import pytest

from pipeline.remove.config import RemoveConfig


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"shards": "s"},
            "expected what to remove, found nothing: --urls, --domains or --sha256 FILE, --opted-out, or --filtered",
        ),
        ({"shards": "s", "filtered": ("f",), "since": "today"}, "since must"),
        ({"shards": "s", "filtered": ("f",), "urls": "u"}, "give one or the other"),
        ({"shards": "s", "filtered": ("f",), "run": "r"}, "--filtered is of one folder of shards"),
        ({"filtered": ("f",)}, "--filtered is of one folder of shards"),
        ({"domains": "d"}, "expected where to remove from, found nothing"),
    ],
    ids=["none", "no-day", "both", "filtered-run", "filtered-nowhere", "nowhere"],
)
def test_refused(options: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        RemoveConfig(**options)
