"""How a run's identity names the files of its input."""

from typing import Any, cast

import pytest

from pipeline.sources import input as module
from pipeline.sources.input import Input, listed_inputs
from pipeline.sources.source import InputFile, InputSplit, Source

FILES = [InputFile("/in/a.csv", "a.csv", 3), InputFile("/in/b.csv", "b.csv", 5)]
SPLITS = [InputSplit(0, "/in/a.csv", "a.csv"), InputSplit(1, "/in/a.csv", "a.csv"), InputSplit(2, "/in/b.csv", "b.csv")]


def opened(files: list[InputFile], **options: Any) -> Input:
    return Input(cast(Source, None), "/in", files, **options)


def test_each_file_is_named_once_with_its_size() -> None:
    assert listed_inputs(opened(FILES), SPLITS) == [{"name": "a.csv", "bytes": 3}, {"name": "b.csv", "bytes": 5}]


def test_a_table_without_a_split_is_not_named() -> None:
    assert listed_inputs(opened(FILES), SPLITS[:2]) == [{"name": "a.csv", "bytes": 3}]


def test_the_files_of_a_published_listing_are_named_without_sizes() -> None:
    assert listed_inputs(opened(FILES, has_listing=True), SPLITS) == [{"name": "a.csv"}, {"name": "b.csv"}]


def test_names_in_a_folder_may_be_any_bytes() -> None:
    name = b"\xff.jpg".decode("utf-8", "surrogateescape")
    split = InputSplit(0, "/in", "", members=(name,), member_bytes=(7,))
    assert listed_inputs(opened([InputFile("/in", name, 7)]), [split]) == [{"name": "\\xff.jpg", "bytes": 7}]


def test_of_many_files_only_the_hash_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LISTED_INPUTS", 1)
    (named,) = listed_inputs(opened(FILES), SPLITS)
    assert (named["name"], named["files"]) == ("listing", 2)
    other = [FILES[0], InputFile("/in/b.csv", "b.csv", 6)]
    assert listed_inputs(opened(other), SPLITS) != [named]
