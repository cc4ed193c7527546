"""Options of ``trainer search`` that do not fit each other."""

import pytest

from trainer.search.config import BuildIndexConfig, SearchConfig


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "expected one of"),
        ({"text": "a", "image": "b"}, "expected one of"),
        ({"text": "a", "serve": True}, "expected one of"),
        ({"text": " "}, "not empty"),
        ({"text": "a", "num": 1001}, "num must be at most 1000"),
        ({"text": "a", "num": 0}, "num must be at least 1"),
        ({"serve": True, "port": 70_000}, "port 65535"),
    ],
    ids=["none", "two", "served", "empty", "many", "zero", "port"],
)
def test_what_does_not_fit_is_told(options: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        SearchConfig(checkpoint="model", index="index", **options)  # type: ignore[arg-type]


def test_threads_are_one_or_more() -> None:
    with pytest.raises(ValueError, match="threads must be at least 1"):
        BuildIndexConfig(features="a", output="b", threads=0)
