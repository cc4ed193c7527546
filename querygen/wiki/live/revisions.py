"""Up to 50 pages in one query: titles in, the revision and wikitext of each out, redirects followed.

Wikipedia-API reads one page a request; this is the one thing that is asked past it, over the same transport.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from querygen.wiki.live.polite import WikiError
from querygen.wiki.live.site import Wiki
from querygen.wiki.revision import PROSE, WIKITEXT

BATCH_TITLES = 50
"""The most titles a query may name without the right to more (API limit "lowlimit")."""
MAX_REDIRECTS = 5


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the wiki has under one title."""

    title: str
    """The title of the page itself, redirects followed."""
    namespace: int = 0
    revision: int | None = None
    text: str = ""
    model: str = WIKITEXT
    """What kind of content the page is; `text` is empty where it is no prose."""
    problem: str | None = None
    """Why there is no text: a rejection reason of `schemas.rejection`."""


def read_batch(wiki: Wiki, titles: list[str], *, with_text: bool) -> dict[str, Found]:
    """Return what the wiki has under each of at most `BATCH_TITLES` titles. Raises `WikiError` for a nonsense answer.

    An answer that grows too long is continued by the wiki in several; they are joined.
    """
    params: dict[str, Any] = {"titles": "|".join(titles), "redirects": 1, "prop": "info"}
    if with_text:
        params |= {"prop": "info|revisions", "rvprop": "ids|content|contentmodel", "rvslots": "main"}
    try:
        return found_pages(wiki.query(**params), titles, with_text=with_text)
    except ValueError as error:
        raise WikiError(f"{wiki.api_url}: {error}") from error


def found_pages(parts: Iterable[dict[str, Any]], titles: list[str], *, with_text: bool) -> dict[str, Found]:
    """Return what the ``query`` parts of an answer say of each of `titles`.

    Raises ValueError for parts that are not in the form of MediaWiki's ``prop=revisions``.
    """
    moved: dict[str, str] = {}
    pages: dict[str, dict[str, Any]] = {}
    try:
        for part in parts:
            for step in [*part.get("normalized", ()), *part.get("redirects", ())]:
                moved[step["from"]] = step["to"]
            for page in part.get("pages", ()):
                pages.setdefault(page["title"], {}).update(page)
        return {title: _found(_follow(title, moved), pages, with_text) for title in titles}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"the answer for {titles[0]!r} and others has not the form of MediaWiki's prop=revisions "
            f"({type(error).__name__}: {' '.join(str(error).split())[:200]})"
        ) from error


def _follow(title: str, moved: dict[str, str]) -> str:
    for _ in range(MAX_REDIRECTS + 1):
        if title not in moved:
            break
        title = moved[title]
    return title


def _found(title: str, pages: dict[str, dict[str, Any]], with_text: bool) -> Found:
    page = pages.get(title)
    if page is None or page.get("missing") or page.get("invalid") or "lastrevid" not in page:
        return Found(title=title, problem="page_missing")
    about: dict[str, Any] = {"title": title, "namespace": int(page["ns"]), "revision": int(page["lastrevid"])}
    if not with_text or about["namespace"] != 0:
        return Found(**about)
    revision = (page.get("revisions") or [{}])[0]
    slot = revision.get("slots", {}).get("main", revision)  # before MediaWiki 1.32 there were no slots
    model = slot.get("contentmodel", WIKITEXT)
    if not isinstance(model, str) or not isinstance(slot.get("content"), str):
        return Found(**about, problem="page_malformed")
    return Found(**about, model=model, text=slot["content"] if model in PROSE else "")
