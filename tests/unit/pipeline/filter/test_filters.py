"""The chain of filters: order, one reason per pair, nothing done when all is off, what enters a run's identity."""

from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.filter.config import FilterOptions
from pipeline.filter.filters import REASONS, Filters, filter_inputs
from tests.support.filters import checked_pairs


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@pytest.fixture
def options(tmp_path: Path) -> FilterOptions:
    return FilterOptions(
        repair_mojibake=True,
        url_block_lists=(write(tmp_path / "urls.txt", "http://a.example/blocked.jpg"),),
        domain_block_lists=(write(tmp_path / "hosts.txt", "bad.example"),),
        deny_file_types=("gif",), min_caption_characters=5, max_caption_words=12, drop_file_names=True,
        min_language_score=0.2, language=("en", "de"), drop_adult_words=True,
        word_block_lists=(write(tmp_path / "words.txt", "royalty free"),),
    )  # fmt: skip


ROWS = [
    ("http://A.example:80/blocked.jpg", "a dog in the house", None, "url_blocked"),
    ("http://img.bad.example/1.gif", "dog", None, "domain_blocked"),
    ("http://a.example/2.gif", "a dog in the house", None, "file_type"),
    ("http://a.example/3.jpg", "dog", None, "caption_length"),
    ("http://a.example/4.jpg", " ".join(["a dog"] * 7), None, "caption_words"),
    ("http://a.example/5.jpg", "IMG_1234.JPG", None, "file_name"),
    ("http://a.example/6.jpg", "Roofs of Venice, Italy — Stock fotografie", None, "language_unsure"),
    ("http://a.example/7.jpg", "un chien dort dans le jardin de la maison", None, "language"),
    ("http://a.example/8.jpg", "a brown dog sleeps in the house", "fr", "language"),
    ("http://a.example/9.jpg", "this is a hardcore sex video of two people", None, "adult_word"),
    ("http://a.example/10.jpg", "a dog in the house, Royalty-Free photo", None, "blocked_word"),
    ("http://a.example/11.jpg", "a brown dog sleeps in the house", None, None),
    ("http://a.example/12.jpg", "ein schÃ¶nes Haus mit einem großen Garten", None, None),
    ("http://a.example/13.jpg", "xyzzy plugh", "en-GB", None),
]


def test_each_pair_is_dropped_by_the_first_filter_that_does_not_keep_it(options: FilterOptions) -> None:
    urls, captions, languages, expected = (list(column) for column in zip(*ROWS, strict=True))
    pairs = checked_pairs(captions, urls, languages)
    whole = Filters(options).apply(pairs)
    parts = Filters(options).apply(pa.concat_tables([pairs.slice(0, 5), pairs.slice(5)]))
    for found in (whole, parts):
        reason_of = {row: reason for reason, rows in found.dropped for row in rows["source_row"].to_pylist()}
        assert [reason_of.get(row) for row in range(len(ROWS))] == expected
        assert [reason for reason, _ in found.dropped] == list(REASONS)
        assert found.pairs["source_row"].to_pylist() == [row for row, reason in enumerate(expected) if reason is None]
    assert whole.pairs["language"].to_pylist() == ["en", "de", "en-GB"]
    assert [score is None for score in whole.pairs["language_score"].to_pylist()] == [False, False, True]
    assert whole.pairs["caption"][1].as_py() == "ein schönes Haus mit einem großen Garten"


def test_filters_that_are_off_leave_the_pairs_alone() -> None:
    pairs = checked_pairs([row[1] for row in ROWS], [row[0] for row in ROWS])
    found = Filters(FilterOptions()).apply(pairs)
    assert found.dropped == []
    assert found.pairs.drop_columns("language_score").equals(pairs)
    assert found.pairs["language_score"].null_count == len(pairs)
    assert filter_inputs(FilterOptions()) == []


def test_no_pairs_are_no_trouble(options: FilterOptions) -> None:
    found = Filters(options).apply(checked_pairs([]))
    assert len(found.pairs) == 0
    assert found.dropped == []
    assert "language_score" in found.pairs.schema.names


def test_identity_follows_the_content_of_lists_not_their_place(options: FilterOptions, tmp_path: Path) -> None:
    before = filter_inputs(options)
    assert [item["name"] for item in before] == [
        "url_block_lists", "domain_block_lists", "word_block_lists", "lid.176.ftz"
    ]  # fmt: skip
    write(tmp_path / "hosts.txt", "worse.example")
    after = filter_inputs(options)
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True, True]
    (tmp_path / "words.txt").rename(tmp_path / "moved.txt")
    moved = FilterOptions(word_block_lists=(str(tmp_path / "moved.txt"),))
    assert filter_inputs(moved) == [after[2]]


def test_a_changed_list_is_read_again(options: FilterOptions, tmp_path: Path) -> None:
    pairs = checked_pairs(["a dog"] * 2, ["http://bad.example/", "http://worse.example/"])
    hosts = FilterOptions(domain_block_lists=options.domain_block_lists)
    assert Filters(hosts).apply(pairs).pairs["source_row"].to_pylist() == [1]
    write(tmp_path / "hosts.txt", "worse.example")
    assert Filters(hosts).apply(pairs).pairs["source_row"].to_pylist() == [0]
