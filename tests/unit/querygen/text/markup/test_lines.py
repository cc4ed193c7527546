"""Lines: signs of lists, tables, headings, and what ends with a line."""

import pytest

from tests.support.extracted import EXTRACTOR, extract_words


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        pytest.param(
            "* one\n# two\n:; three\n----\n== four ==\nfive",
            ["one", "two", "three", "----", "four", "five"],
            id="lists and headings",
        ),
        pytest.param("; term : definition\n:* a\n::# b", ["term", ":", "definition", "a", "b"], id="definition lists"),
        pytest.param("=== H ===\n=====five=====\na = b", ["H", "five", "a", "=", "b"], id="heading levels"),
        ("== a", ["a"]),
    ],
)
def test_signs_of_lists_and_headings(wikitext: str, wanted: list[str]) -> None:
    assert extract_words(wikitext) == wanted


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        pytest.param("a\n{| class=x\n! h\n|-\n| c || d\n{|\n| inner\n|}\n|}\nb", ["a", "b"], id="table in a table"),
        pytest.param("a\n:{| class=x\n| c\n|}\nb", ["a", "b"], id="indented table"),
        ("{{t|{|}} b", ["b"]),
        pytest.param("{{t|\n{|\n| c\n{{u|{|}}\n|}\n}} b", ["b"], id="table in a template"),
        pytest.param("{|\n| {{t|x\n|}\n}} y\n|}\nb", ["b"], id="open template in a table"),
        pytest.param("{|\n| [[File:x|y\n|}\nb", ["b"], id="open image in a table"),
    ],
)
def test_tables_are_dropped(wikitext: str, wanted: list[str]) -> None:
    assert extract_words(wikitext) == wanted


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        pytest.param("a\n<!-- x\n-->:{|\n| c\n|}\nb\n<!--\n-->* d", ["a", "b", "d"], id="comments before line starts"),
        pytest.param("{{t|\n<!-- x -->== h ==\nb", ["h", "b"], id="comment before a heading in an open template"),
    ],
)
def test_comments_hide_no_beginning_of_a_line(wikitext: str, wanted: list[str]) -> None:
    assert extract_words(wikitext) == wanted


@pytest.mark.parametrize(
    "wikitext",
    [
        pytest.param("a {{t | b\n== H ==\nc", id="template"),
        pytest.param("a\n{|\n| b\n== H ==\nc", id="table"),
        pytest.param("a [[File:x|b\n\n[[y]]\n== H ==\nc", id="image"),
        pytest.param("a {{t|[[x|{{u\n== H ==\nc", id="nested"),
    ],
)
def test_what_is_left_open_is_cut_off_at_the_next_heading(wikitext: str) -> None:
    text, unclosed = EXTRACTOR.extract(wikitext.encode())
    assert unclosed
    assert text.split() == ["a", "H", "c"]


@pytest.mark.parametrize("line", ["*== H ==", ":== H ==", " == H ==", "== H == x", "==="])
def test_what_is_no_heading_cuts_nothing_off(line: str) -> None:
    text, unclosed = EXTRACTOR.extract(f"a {{{{t\n{line}\n}} }}}} b".encode())
    assert not unclosed
    assert text.split() == ["a", "b"]


def test_a_link_ends_with_its_line() -> None:
    assert extract_words("[[open\nnext [[b|c]] d") == ["open", "next", "c", "d"]
