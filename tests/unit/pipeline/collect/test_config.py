"""The options of duplicates: refused outside their range, by name and value."""

import pytest

from pipeline.collect.config import CollectConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("captions_per_image", 0),
        ("captions_per_image", 1_001),
        ("captions_seed", -1),
        ("max_images_per_caption", -1),
        ("max_caption_bytes", 0),
        ("max_rejected_fraction", 1.5),
    ],
)
def test_a_value_outside_its_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be .*found {value}"):
        CollectConfig(input="i", queries="q", output="o", **{name: value})


@pytest.mark.parametrize("value", ["all", 1, 1_000])
def test_captions_per_image_is_all_or_a_number(value: int | str) -> None:
    assert CollectConfig(input="i", queries="q", output="o", captions_per_image=value).captions_per_image == value
