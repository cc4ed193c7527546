"""Options of ``trainer embed`` that do not fit each other."""

import pytest

from trainer.embed.config import EmbedConfig


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "expected one of --images, --texts and --shards, found none"),
        ({"images": "a", "texts": "b"}, "found images and texts"),
        ({"images": "a", "of": "texts"}, "--of texts is for --shards"),
        ({"images": "a", "part": "0/4"}, "part must be I/N"),
        ({"images": "a", "part": "5/4"}, "part must be I/N"),
        ({"images": "a", "part_rows": 0}, "part_rows must be"),
        ({"images": "a", "part": "2/4", "num_workers": 4}, "leave --part away"),
        ({"images": "a", "num_workers": -1}, "num_workers must be"),
    ],
    ids=["none", "two", "of", "part-0", "part-5", "rows", "shares", "workers"],
)
def test_what_does_not_fit_is_told(options: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        EmbedConfig(checkpoint="model", output="out", **options)  # type: ignore[arg-type]


def test_the_share_counts_from_0() -> None:
    assert EmbedConfig(checkpoint="model", output="out", images="a", part="3/4").share == (2, 4)
