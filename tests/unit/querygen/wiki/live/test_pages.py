from pathlib import Path

import pytest

from querygen.counts.count_category import article_lengths
from querygen.wiki.dump import Page, SiteInfo
from querygen.wiki.live.page_cache import PageCache
from querygen.wiki.live.pages import CategoryPages
from querygen.wiki.live.site import Wiki, WikiConfig


def page(title: str, text: bytes, *, redirect: str | None = None, namespace: int = 0, is_plain: bool = False) -> Page:
    return Page(title=title, namespace=namespace, redirect=redirect, text=text, position=0, is_plain=is_plain)


def test_lengths_are_those_of_the_plain_text_of_articles() -> None:
    pages = [
        page("Owl", b"An '''owl'''.{{Infobox|" + b"x" * 500 + b"}}"),
        page("Plain", b"[[as it is]]", is_plain=True),
        page("Owls", b"", redirect="Owl"),
        page("Talk:Owl", b"long " * 99, namespace=1),
        page("Broken", b"\xff\xfe"),
        page("Empty", b""),
    ]
    lengths = article_lengths(pages, SiteInfo())
    assert set(lengths) == {"Owl", "Plain", "Empty"}
    assert lengths["Plain"] == 12
    assert len("An owl.") <= lengths["Owl"] < 20
    assert lengths["Empty"] == 0


@pytest.mark.parametrize(
    ("options", "message"), [({"depth": -1}, "depth"), ({"depth": 0, "max_pages": 0}, "max_pages")]
)
def test_wrong_numbers_are_refused(tmp_path: Path, options: dict[str, int], message: str) -> None:
    wiki = Wiki(WikiConfig(url="http://127.0.0.1:9/w"))
    with pytest.raises(ValueError, match=message):
        CategoryPages(wiki, "Birds", cache=PageCache(str(tmp_path), wiki.api_url), **options)  # type: ignore[arg-type]
