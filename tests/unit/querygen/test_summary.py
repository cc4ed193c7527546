"""The lines that end `querygen build`: what was left out and what was lost, at the width of the terminal."""

import io
from typing import Any

import pytest
from rich.console import Console

from querygen.counts.counts_folder import LOSSES
from querygen.summary import print_summary, summary_lines
from schemas.query_source import SOURCES

ROW = dict.fromkeys(SOURCES, 0)


def summary(**changes: Any) -> dict[str, Any]:
    """Return a summary as the manifest holds it, of a list cut short by every source."""
    return {
        "sources": {"word": 534, "bigram": 998, "title": 135, "synset": 85_936},
        "budgets": {"word": 251_465, "bigram": 100_646, "title": 61_235, "synset": 86_654},
        "available": {"word": 534, "bigram": 998, "title": 174, "synset": 86_403},
        "overlap": {source: ROW | {source: 86_403} for source in SOURCES},
        "thresholds": {
            "word": {"text": "specific", "count": 100},
            "bigram": {"text": "later the", "count": 24, "pmi": 0.0036, "least_count": 10},
            "title": {"text": "geography of afghanistan", "views": 80},
        },
        "dump": {"articles": 106, "pages": 206, "words": 462_073, "distinct_words": 34_294},
        "page_views": {
            "lines": 2_513,
            "titles": {
                "viewed": {"titles": 212, "views": 3_914_496},
                "redirected": {"titles": 1, "views": 64_386},
                "kept": {"titles": 174, "views": 120_174},
            },
        },
        "titles_ranked_by": "views",
        "wordnet": {"version": "3.0", "synsets": 117_659},
        "dropped": {
            "word": {"below_min_word_count": 33_760, "over_budget": 0},
            "bigram": {"below_min_bigram_count": 1_204, "pmi_not_positive": 75, "too_many_stop_words": 0},
            "title": {"not_article": 5, "in_the_list_already": 39},
            "synset": {"in_the_list_already": 0},
        },
        "floors": {"words": 10, "bigrams": 10, "titles": 1},
        "notes": ["350,579 queries that bigrams do not fill are left to titles"],
        "rejections": {},
        **changes,
    }


def test_pages_that_are_no_prose_or_have_no_text_are_told() -> None:
    dump = summary()["dump"] | {"other_models": 1_203, "models": {"json": 1_200, "css": 3}, "absent_texts": 2}
    assert [line for line in summary_lines(summary(dump=dump), 120) if "pages:" in line] == [
        "left out  pages: 1,203 whose content is no prose (css 3, json 1,200)",
        "left out  pages: 2 whose text the dump lacks (deleted, or a dump of stubs)",
    ]


def test_what_was_left_out_is_a_line_per_source_the_largest_reason_first() -> None:
    left_out = [line for line in summary_lines(summary(), 120) if line.startswith("left out")]
    assert left_out == [
        "left out  words: 33,760 below min word count",
        "left out  bigrams: 1,204 below min bigram count (seen 10 times or more), 75 pmi not positive",
        "left out  titles: 39 in the list already, 5 not article",
    ]


def test_titles_say_what_became_of_the_views() -> None:
    assert (
        "titles    2,513 lines of page views: 212 titles with 3,914,496 views; 1 title with 64,386 views followed as "
        "redirects; 174 titles with 120,174 views counted"
    ) in summary_lines(summary(), 200)
    none = {"lines": 0, "distinct_titles": 0}
    assert "titles    none: no page views given" in summary_lines(summary(page_views=none), 120)
    by_length = summary(page_views=none, titles_ranked_by="length")
    assert "titles    ranked by the length of the article: no page views given" in summary_lines(by_length, 120)


def test_losses_are_told_apart_from_rejections_and_name_the_exit_code() -> None:
    found = {"block_damaged": 2, "file_truncated": 1, "page_malformed": 4}
    assert summary_lines(summary(rejections=found), 200)[-2:] == [
        "rejected  4 page malformed (rejections/querygen.parquet)",
        "damaged   2 damaged blocks, 1 truncated file: the list is made of the rest; where, says "
        "rejections/querygen.parquet; exit code 3",
    ]
    assert not [line for line in summary_lines(summary(), 200) if line.startswith(("rejected", "damaged"))]


def test_a_bigram_threshold_says_the_last_by_pmi_and_the_least_count() -> None:
    written = io.StringIO()
    print_summary(summary(), "queries", Console(file=written, width=120))
    lines = written.getvalue().splitlines()
    place = next(number for number, line in enumerate(lines) if "later the" in line)
    assert "count 24, pmi 0.0036 (later the)" in lines[place]
    assert "least count 10" in lines[place + 1]


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_every_loss_has_a_name(loss: str) -> None:
    last = summary_lines(summary(rejections={loss: 1}), 200)[-1]
    assert last.startswith("damaged   1 ")
    assert loss not in last


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    written = io.StringIO()
    found = {"block_damaged": 2, "file_truncated": 1, "file_unreadable": 1, "page_markup_unclosed": 123_456}
    print_summary(summary(rejections=found), "queries", Console(file=written, width=width))
    lines = written.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert lines[-1] == "written to queries"


def test_brackets_are_no_markup_and_a_long_address_stays_whole() -> None:
    written = io.StringIO()
    url = "s3://bucket/" + "long-name/" * 20
    print_summary(summary(notes=["[bold]x[/bold]"]), url, Console(file=written, width=80))
    assert "note      [bold]x[/bold]\n" in written.getvalue()
    assert f"written to {url}\n" in written.getvalue()
