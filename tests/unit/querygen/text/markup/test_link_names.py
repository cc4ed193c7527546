"""What a link's target is by its name."""

import numpy as np
import numpy.typing as npt
import pytest

from querygen.text.markup.link_names import has_prefix, is_file_name, is_language_prefix
from tests.support.extracted import extract_words


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        ("[[image:x.jpg|left]] b [[Category:Dogs]] c [[ category : Cats]]", ["b", "c"]),
        ("b [[de:Hund]] [[zh-yue:X]] [[simple:Dog]]", ["b"]),
        pytest.param(
            "[[画像:x y.JPG |thumb|[[dog]]s]] b [[Attēls:z.jpeg]] c [[Bild:a.svg",
            ["b", "c", "Bild:a.svg"],
            id="images of other languages",
        ),
        ("[[:Bild:a.svg|the]] [[a.jpg]] [[b.jpg|c]] [[x:d.jpgs|e]]", ["the", "a.jpg", "c", "e"]),
    ],
)
def test_links_that_are_dropped_for_their_name(wikitext: str, wanted: list[str]) -> None:
    assert extract_words(wikitext) == wanted


def array_of(text: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text.encode(), dtype=np.uint8)


@pytest.mark.parametrize("target", ["de:Hund", "zh-yue:X", "be-x-old:X", "simple:Dog"])
def test_language_prefixes(target: str) -> None:
    assert is_language_prefix(array_of(target), 0, len(target))


@pytest.mark.parametrize(
    "target",
    ["De:Hund", "d:X", "abcd:X", "sample:Dog", "simple Dog", "de", "de-", pytest.param(f"zh-{'a' * 16}:X", id="long")],
)
def test_what_is_no_language_prefix(target: str) -> None:
    assert not is_language_prefix(array_of(target), 0, len(target))


@pytest.mark.parametrize(
    "title", ["Bild:x.jpg", "Bild:x.JPEG  ", ":.stl", pytest.param(f"Bild:{'x' * 246}.jpg", id="255 bytes")]
)
def test_file_names(title: str) -> None:
    assert is_file_name(array_of(title), 0, len(title))


@pytest.mark.parametrize(
    "title", ["x.jpg", "Bild:x.jpgs", "Bild:jpg", "Bild:", pytest.param(f"Bild:{'x' * 247}.jpg", id="256 bytes")]
)
def test_what_is_no_file_name(title: str) -> None:
    assert not is_file_name(array_of(title), 0, len(title))


NAMES, OFFSETS = array_of("fileuser talk"), np.array([0, 4, 13])


@pytest.mark.parametrize("target", ["File:x", "FILE :x", "user_talk:x", "user talk:x", f"file{' ' * 70}:x"])
def test_prefixes(target: str) -> None:
    assert has_prefix(array_of(target), 0, len(target), NAMES, OFFSETS)


@pytest.mark.parametrize("target", ["file", "files:x", "user-talk:x", f"file{' ' * 90}:x"])
def test_what_is_no_prefix(target: str) -> None:
    assert not has_prefix(array_of(target), 0, len(target), NAMES, OFFSETS)
