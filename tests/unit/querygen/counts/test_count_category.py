"""Articles of a category are ranked by the length of their plain text."""

from querygen.counts.count_category import article_lengths
from querygen.wiki.dump import Page, SiteInfo


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
