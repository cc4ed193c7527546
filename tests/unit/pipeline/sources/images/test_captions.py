"""Captions in the texts beside an image: marks, lines, lists, members, and what is none."""

import json
from typing import Any

import pytest

from pipeline.sources.images.captions import UnreadableText, read_side_texts


def captions(
    txt: bytes | None = None, value: Any = None, column: str = "", by_line: bool = False
) -> list[tuple[Any, str]]:
    texts = {} if txt is None else {".txt": txt}
    if value is not None:
        texts[".json"] = json.dumps(value).encode()
    found = read_side_texts(texts, column, by_line).captions
    return [(caption.text if not caption.wrong else f"wrong {caption.wrong}", caption.source) for caption in found]


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert captions(b"\xef\xbb\xbfa tree") == [("a tree", "txt")]
    texts = {".json": b'\xef\xbb\xbf{"caption": "a tree"}'}
    assert [caption.text for caption in read_side_texts(texts, "", False).captions] == ["a tree"]


FIVE = b"a cat\n\na dog \r\nthe sun\rtwo birds"


def test_a_text_of_lines_is_one_caption_or_one_a_line() -> None:
    assert captions(FIVE) == [(FIVE.decode(), "txt")]
    assert captions(FIVE, by_line=True) == [(text, "txt") for text in ("a cat", "a dog ", "the sun", "two birds")]
    assert captions(b" \n", by_line=True) == captions(b" \n") == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"captions": ["a", "b"]}, ["a", "b"]),
        ({"caption": ["a", "b"]}, ["a", "b"]),
        ({"caption": "a", "captions": ["a", "b"]}, ["a", "b"]),
        ({"caption": "a", "captions": []}, ["a"]),
        ({"captions": "a"}, ["a"]),
        ({"captions": [None, 7, 0.5]}, [None, "7", "0.5"]),
        ({"captions": [{"caption": "a", "id": 5}, {"text": "b"}]}, ["a", "b"]),
        ({"captions": [["a"]], "caption": "c"}, ['wrong ["a"]']),
        ({"caption": {"en": "a"}}, ['wrong {"en": "a"}']),
        ({"caption": None, "text": "b"}, ["b"]),
        (["a", "b"], ["a", "b"]),
        ("a", ["a"]),
        ({"url": "x"}, []),
        (5, []),
    ],
    ids=list("abcdefghijklmn"),
)
def test_captions_in_json(value: Any, expected: list[Any]) -> None:
    assert captions(value=value) == [(text, "json") for text in expected]


def test_a_list_beside_a_text_adds_what_the_text_has_not() -> None:
    assert captions(b"a cat\n", {"captions": ["a  cat", "b"]}) == [("a cat\n", "txt"), ("b", "json")]
    assert captions(b"a", {"caption": "other"}) == [("a", "txt")]
    assert captions(b" ", {"caption": "other"}) == [("other", "json")]


def test_a_named_member_is_the_caption_and_no_other() -> None:
    value = {"caption": "a", "meta": {"alt": ["b", "c"]}, "meta.alt": None, "x.y": "z"}
    assert captions(b"t", value, column="caption") == [("a", "json")]
    assert captions(value={"meta": {"alt": ["b", "c"]}}, column="meta.alt") == [("b", "json"), ("c", "json")]
    assert captions(value=value, column="x.y") == [("z", "json")]
    assert captions(b"t", value, column="missing") == []


@pytest.mark.parametrize(
    ("texts", "suffix", "reason"),
    [
        ({".txt": b"\xff"}, ".txt", "caption_not_utf8"),
        ({".json": b"{"}, ".json", "member_unreadable"),
        ({".json": b'{"caption": "\\ud83d"}'}, ".json", "caption_not_utf8"),
        ({".json": b'{"captions": ["a", "\\ud83d"]}', ".txt": b"a"}, ".json", "caption_not_utf8"),
        ({".json": b"[" * 100_000}, ".json", "member_unreadable"),
        ({".txt": b"x" * ((1 << 20) + 1)}, ".txt", "member_unreadable"),
    ],
    ids=["bytes", "no-json", "surrogate", "surrogate-in-list", "deep", "long"],
)
def test_what_cannot_be_read_is_told(texts: dict[str, bytes], suffix: str, reason: str) -> None:
    with pytest.raises(UnreadableText) as found:
        read_side_texts(texts, "", False)
    assert (found.value.suffix, found.value.reason) == (suffix, reason)
