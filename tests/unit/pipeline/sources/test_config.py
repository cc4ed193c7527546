"""Options of the input that another format would pass over in silence are refused."""

from typing import Any

import pytest

from pipeline.sources.config import SourceOptions


@pytest.mark.parametrize(
    ("input_format", "options"),
    [
        ("wat", {"url_column": "u"}), ("folder", {"where": "a > 1"}), ("webdataset", {"uids": "f"}),
        ("url_table", {"captions": "lines"}), ("warc", {"caption_column": "c"}), ("wat", {"extra_columns": ("x",)}),
        ("folder", {"csv_escape": "quote"}),
    ],
    ids=str,
)  # fmt: skip
def test_an_option_of_another_format_is_named(input_format: Any, options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(ValueError, match=f"{name} is for input_format .* only, found '{input_format}'"):
        SourceOptions(input="i", input_format=input_format, **options)


@pytest.mark.parametrize("where", ["similarity >", "a = ", "drop table x", "a > 1; b"])
def test_an_expression_that_is_none_is_refused_before_anything_is_read(where: str) -> None:
    with pytest.raises(ValueError, match="--where"):
        SourceOptions(input="i", where=where)


def test_references_are_undone_unless_the_format_has_done_so() -> None:
    assert SourceOptions(input="i").undoes_html_references
    assert not SourceOptions(input="i", unescape_html=False).undoes_html_references
    assert not SourceOptions(input="i", input_format="wat").undoes_html_references
