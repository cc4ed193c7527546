from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.wiki.live.page_cache import PageCache, default_cache_dir

URL = "https://birds.example/w/api.php"
VALUE = {"title": "Owl", "text": "An owl. 鳥"}


@given(st.text(max_size=300), st.dictionaries(st.text(max_size=9), st.integers() | st.text(max_size=99) | st.none()))
@settings(max_examples=50)
def test_entry_comes_back_as_it_was(title: str, value: dict[str, Any]) -> None:
    with TemporaryDirectory() as folder:
        cache = PageCache(folder, URL)
        assert cache.read("wikitext", title) is None
        cache.write("wikitext", title, value)
        assert cache.read("wikitext", title) == value


def test_lone_surrogates_of_broken_json_survive(tmp_path: Path) -> None:
    cache = PageCache(str(tmp_path), URL)
    cache.write("wikitext", "\ud800", {"text": "a\udfffb"})
    assert cache.read("wikitext", "\ud800") == {"text": "a\udfffb"}


def test_wikis_kinds_and_titles_do_not_mix(tmp_path: Path) -> None:
    cache = PageCache(str(tmp_path), URL)
    cache.write("wikitext", "Owl", VALUE)
    assert cache.read("extract", "Owl") is None
    assert cache.read("wikitext", "owl") is None
    assert PageCache(str(tmp_path), URL.replace("https", "http")).read("wikitext", "Owl") is None
    assert PageCache(str(tmp_path), URL).read("wikitext", "Owl") == VALUE


@pytest.mark.parametrize(
    "damage", [pytest.param(b"", id="empty"), pytest.param(b"no zlib", id="no zlib"), "cut", "of another"]
)
def test_entry_that_is_not_whole_is_absent(tmp_path: Path, damage: bytes | str) -> None:
    cache = PageCache(str(tmp_path), URL)
    cache.write("wikitext", "Owl", VALUE)
    [path] = tmp_path.rglob("*.zlib")
    if damage == "cut":
        damage = path.read_bytes()[:-1]
    elif damage == "of another":
        cache.write("wikitext", "Duck", VALUE)
        [other] = set(tmp_path.rglob("*.zlib")) - {path}
        damage = other.read_bytes()
    assert isinstance(damage, bytes)
    path.write_bytes(damage)
    assert cache.read("wikitext", "Owl") is None


def test_same_value_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        PageCache(str(tmp_path / name), URL).write("wikitext", "Owl", VALUE)
    first, second = (next((tmp_path / name).rglob("*.zlib")).read_bytes() for name in ("a", "b"))
    assert first == second


def test_default_is_the_cache_folder_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_cache_dir() == "/somewhere/webimagetext/wiki"
