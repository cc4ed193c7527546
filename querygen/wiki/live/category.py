"""Which pages a topic has: a category in, the articles in it and in its subcategories out.

The walk is breadth first, by sorted titles within a category, so the same wiki gives the same order; every category
and every page comes once, whatever circles the categories form:

    Birds -- Owls -- Barn owls        depth 0: Birds   depth 1: Ducks, Owls   depth 2: Barn owls
       `---- Ducks -- Birds (again)
"""

import difflib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from wikipediaapi import Namespace

from querygen.wiki.dump import plain_title
from querygen.wiki.live.page_cache import PageCache
from querygen.wiki.live.polite import WikiError
from querygen.wiki.live.site import Wiki

ARTICLE, CATEGORY = 0, 14
NUM_NEAR = 5
MAX_NEAR_ASKED = 500


@dataclass(frozen=True, kw_only=True)
class Member:
    """One article of the walk."""

    title: str
    category: str
    """The category it was met in first, with its namespace."""
    depth: int


class CategoryMissing(ValueError):
    """The wiki has no such category."""


def category_title(wiki: Wiki, name: str) -> str:
    """Return the full title of the category `name` (with or without a namespace; redirects followed).

    Raises `CategoryMissing` that names categories like it.
    """
    asked = _with_namespace(wiki, name)
    for part in wiki.query(titles=asked, prop="info|categoryinfo", redirects=1):
        for page in part.get("pages", ()):
            # A category that has members but no page of its own is one too.
            if page.get("ns") == CATEGORY and (not page.get("missing") or page.get("categoryinfo", {}).get("size")):
                return str(page["title"])
    near = near_categories(wiki, asked)
    raise CategoryMissing(
        f"{wiki.api_url} has no category {asked!r}; "
        + (f"near it: {', '.join(near)}" if near else "look its name up at the end of an article on the topic")
    )


def _with_namespace(wiki: Wiki, name: str) -> str:
    prefix, colon, rest = name.strip().partition(":")
    own = {known.casefold() for known in wiki.site.info.namespaces.get(CATEGORY, ())}
    if not colon or prefix.strip().casefold() not in own:
        rest = name
    title = plain_title(rest)
    if not title:
        raise ValueError(f"wiki_category must name a category such as 'Birds', found {name!r}")
    return f"Category:{title}"


def near_categories(wiki: Wiki, title: str) -> list[str]:
    """Return up to `NUM_NEAR` category names like `title`: what its search finds, and what starts alike."""
    name = title.partition(":")[2]
    found: list[str] = []
    with suppress(WikiError):  # a wiki without search is no reason to say less than that the category is missing
        hits = wiki.library.search(name, ns=Namespace.CATEGORY, limit=50).pages
        found += [hit.partition(":")[2] for hit in hits]
    for size in sorted({len(name) - 1, (len(name) + 1) // 2, 2}, reverse=True):
        if 0 < size < len(name):
            start = next(wiki.query(list="allcategories", acprefix=name[:size], aclimit=MAX_NEAR_ASKED))
            found += [str(entry["category"]) for entry in start.get("allcategories", ())]
    return difflib.get_close_matches(name, sorted(set(found)), n=NUM_NEAR, cutoff=0.5)


def members(wiki: Wiki, category: str, cache: PageCache | None, refresh: bool) -> tuple[list[str], list[str]]:
    """Return (articles, subcategories) directly in `category`, both sorted; from the cache if it has them."""
    kept = cache.read("members", category) if cache and not refresh else None
    if kept is None:
        found = wiki.library.categorymembers(wiki.library.page(category, ns=Namespace.CATEGORY), cmtype="page|subcat")
        kept = {
            "articles": sorted(title for title, page in found.items() if page.ns == ARTICLE),
            "subcategories": sorted(title for title, page in found.items() if page.ns == CATEGORY),
        }
        if cache:
            cache.write("members", category, kept)
    return kept["articles"], kept["subcategories"]


def walk_category(
    wiki: Wiki,
    category: str,
    depth: int,
    *,
    max_pages: int | None = None,
    cache: PageCache | None = None,
    refresh: bool = False,
) -> Iterator[Member]:
    """Yield the articles of `category`, a full title of `category_title`, and of `depth` levels of subcategories.

    Stops after `max_pages`. With a cache, a category read before is not asked again unless `refresh`.
    """
    seen_categories, seen_pages = {category}, set[str]()
    level = [category]
    for level_depth in range(depth + 1):
        below: set[str] = set()
        for current in level:
            articles, subcategories = members(wiki, current, cache, refresh)
            for title in articles:
                if title not in seen_pages:
                    if max_pages is not None and len(seen_pages) >= max_pages:
                        return
                    seen_pages.add(title)
                    yield Member(title=title, category=current, depth=level_depth)
            below.update(subcategories)
        level = sorted(below - seen_categories)
        seen_categories.update(level)
