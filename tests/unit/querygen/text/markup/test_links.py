"""Links within the wiki: their label stays; files, categories and other languages go."""

import pytest

from tests.support.extracted import extract, extract_words


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        ("a [[dog]] b", "a dog b"),
        ("a [[dog|hound]]s b", "a hounds b"),
        ("a [[dog|one|two]] b", "a one|two b"),
        ("[[:Category:Dogs]]", "Category:Dogs"),
        ("a [[dog{{!}}hound]] b", "a hound b"),
        ("[[dog<!-- [[x]] -->|ho<!-- ]] -->und]]", "hound"),
        ("[[:File:x.jpg|the file]] [[:Category:Dogs|dogs]]", "the file dogs"),
        ("a | b {{!}} c", "a | b | c"),
    ],
)
def test_labels_stay(wikitext: str, wanted: str) -> None:
    assert extract(wikitext) == wanted


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        ("[[File:x.jpg|thumb|200px|A [[dog|hound]] and [http://x y]]] b", ["b"]),
        pytest.param(
            "[[File:x.jpg|thumb|A [[dog|hound [[cat]]]]\n\nand [[File:y.png|20px]] more]] b",
            ["b"],
            id="image over paragraphs",
        ),
    ],
)
def test_files_are_dropped_with_their_captions(wikitext: str, wanted: list[str]) -> None:
    assert extract_words(wikitext) == wanted


@pytest.mark.parametrize(("wikitext", "wanted"), [("a [[b", ["a", "b"]), ("a [[b|c", ["a", "c"])])
def test_what_is_left_open_stays_text(wikitext: str, wanted: list[str]) -> None:
    assert extract_words(wikitext) == wanted


def test_files_thousands_deep() -> None:
    assert extract_words("a [[File:x|" + "[[File:y|" * 5_000 + "]]" * 5_001 + " b") == ["a", "b"]
