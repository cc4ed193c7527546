"""A download is of a selection or of a table; the table's options are for a table."""

from dataclasses import fields

import pytest

from pipeline.download.config import DownloadConfig
from pipeline.listing.config import ListedDownloadConfig
from schemas.run_options import identity_options


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "either --selection or --input, found neither"),
        ({"selection": "s", "input": "t"}, "either --selection or --input, found both"),
        ({"selection": "s", "where": "a > 1"}, "where is for --input only, found 'a > 1'"),
        ({"selection": "s", "samples_per_shard": 5}, "samples_per_shard is for --input only, found 5"),
        ({"selection": "s", "force": True}, "force is for --input only, found True"),
        ({"input": "t", "samples_per_shard": 0}, "samples_per_shard must be at least 1, found 0"),
        ({"input": "t", "max_caption_bytes": 0}, "max_caption_bytes must be in 1 .. 1048576, found 0"),
        ({"input": "t", "max_rejected_fraction": 2}, "max_rejected_fraction must be in 0 .. 1, found 2"),
        ({"input": "t", "image_size": 0}, "image_size"),
        ({"input": "t", "input_format": "wat", "url_column": "u"}, "url_column is for input_format url_table only"),
    ],
)
def test_what_contradicts_itself_is_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ListedDownloadConfig(output="o", **given)  # type: ignore[arg-type]


def test_with_a_selection_it_is_the_download_that_it_was() -> None:
    config = ListedDownloadConfig(selection="s", output="o", image_size=99)
    assert type(config.download()) is DownloadConfig
    assert config.download() == DownloadConfig(selection="s", output="o", image_size=99)


def test_a_table_becomes_the_selection_below_the_output() -> None:
    config = ListedDownloadConfig(input="t", output="o/", samples_per_shard=7, retries=0)
    assert config.download() == DownloadConfig(selection="o/selection", output="o/", retries=0)


def test_captions_are_needed_unless_they_may_be_missing() -> None:
    assert ListedDownloadConfig(input="t", output="o").needs_captions
    assert not ListedDownloadConfig(input="t", output="o", allow_missing_captions=True).needs_captions


def test_where_things_lie_is_no_part_of_the_identity() -> None:
    one = ListedDownloadConfig(input="t", output="o", force=True, max_rejected_fraction=1)
    assert identity_options(one) == identity_options(ListedDownloadConfig(input="u", output="p"))
    assert {field.name for field in fields(one)} - identity_options(one).keys() >= {"input", "selection", "output"}
