"""The pages of a category, read live: a category in, `querygen.wiki.dump.Page` records out, as from a dump.

`CategoryPages.fetch` asks the wiki for what the cache lacks and keeps it there; iterating reads the cache only. So a
killed run asks again for nothing it has, and the same cache gives the same bytes.

    walk -> titles -> not in the cache -> batches of 50 -> the wiki -> cache -> pages, in the order of the walk
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Literal

from querygen.wiki.dump import Page, SiteInfo
from querygen.wiki.live.category import ARTICLE, Member, category_title, walk_category
from querygen.wiki.live.page_cache import PageCache
from querygen.wiki.live.revisions import BATCH_TITLES, Found, read_batch
from querygen.wiki.live.site import Wiki
from querygen.wiki.revision import PLAIN_TEXT, WIKITEXT
from schemas.rejection import Rejection

MAX_PAGE_BYTES = 16 * 1024 * 1024
"""Longer text is a rejection. MediaWiki allows 2 MiB of wikitext ($wgMaxArticleSize)."""
MAX_PAGES = 1_000_000

TextKind = Literal["wikitext", "extract"]


class CategoryPages:
    """The pages of a category and `depth` levels of subcategories.

    `site`, `rejections` and `num_bytes` are as in `querygen.wiki.dump.DumpFile`. A redirect in the category is a page
    of its own with the title it leads to, and the article it leads to follows it, each article once.
    """

    def __init__(
        self,
        wiki: Wiki,
        category: str,
        *,
        depth: int,
        cache: PageCache,
        max_pages: int | None = None,
        text: TextKind = "wikitext",
        refresh: bool = False,
        max_page_bytes: int = MAX_PAGE_BYTES,
        progress: Callable[[int], Any] = lambda num_pages: None,
    ) -> None:
        """`text`: "wikitext" brings 50 pages a request and goes through our own extractor like a dump's; "extract" is
        the wiki's own plain text (what templates print is in it), one request a page, through Wikipedia-API.
        `refresh` asks for the categories anew and for every page that has a newer revision.
        `progress` is told how many pages more are in the cache.
        """
        if depth < 0:
            raise ValueError(f"depth must be at least 0, found {depth!r}")
        if max_pages is not None and max_pages < 1:
            raise ValueError(f"max_pages must be at least 1, found {max_pages!r}")
        self.wiki = wiki
        self.category = category
        self.name = category
        """What rejections call the source: the full title of the category once it is known."""
        self.site = SiteInfo()
        self.rejections: list[Rejection] = []
        self.num_bytes = 0
        """Bytes of text yielded so far."""
        self.members: list[Member] = []
        self._depth = depth
        self._max_pages = min(max_pages or MAX_PAGES, MAX_PAGES)
        self._cache = cache
        self._text: TextKind = text
        self._refresh = refresh
        self._max_page_bytes = max_page_bytes
        self._progress = progress
        self._fetched = False

    def fetch(self) -> dict[str, Any]:
        """Bring all pages into the cache; return what was read as an input of a run: name, bytes and sha256.

        Raises `CategoryMissing`, ValueError for a category without articles or a wiki without plain text, and
        `WikiError` when the wiki cannot be read; what came before stays in the cache.
        """
        self.site = self.wiki.site.info
        if self._text == "extract" and not self.wiki.site.has_extracts:
            raise ValueError(
                f"{self.wiki.api_url} makes no plain text (it lacks the extension TextExtracts); take its wikitext: "
                f"--wiki-text wikitext"
            )
        self.name = category_title(self.wiki, self.category)
        walk = walk_category(
            self.wiki, self.name, self._depth, max_pages=self._max_pages, cache=self._cache, refresh=self._refresh
        )
        self.members = list(walk)
        if not self.members:
            raise ValueError(
                f"{self.name!r} of {self.wiki.api_url} holds no article down to depth {self._depth}; give a larger "
                f"--depth or another --wiki-category"
            )
        self._fetch_missing([member.title for member in self.members])
        self._fetched = True
        whole, size = hashlib.sha256(), 0
        for page in self._pages([]):
            text = page.text
            whole.update(f"{page.title}\0{page.redirect or ''}\0{len(text)}\0".encode("utf-8", "surrogatepass") + text)
            size += len(text)
        return {"name": self.name, "bytes": size, "sha256": whole.hexdigest()}

    def __iter__(self) -> Iterator[Page]:
        if not self._fetched:
            self.fetch()
        self.rejections, self.num_bytes = [], 0
        for page in self._pages(self.rejections):
            self.num_bytes += len(page.text)
            yield page

    def _fetch_missing(self, titles: list[str]) -> None:
        kept: dict[str, int | None] = {}
        for title in titles:
            entry = self._cache.read(self._text, title)
            if entry is not None:
                kept[title] = entry["revision"]
        if self._refresh:
            for batch in _batches(list(kept)):
                for title, found in read_batch(self.wiki, batch, with_text=False).items():
                    if found.revision != kept[title]:
                        del kept[title]
        self._progress(len(kept))
        for batch in _batches([title for title in titles if title not in kept]):
            for title, found in read_batch(self.wiki, batch, with_text=self._text == "wikitext").items():
                self._keep(title, found)
                self._progress(1)

    def _keep(self, title: str, found: Found) -> None:
        text, problem = found.text, found.problem
        if problem is None and found.namespace != ARTICLE:
            text = ""  # a redirect that leaves the articles
        elif problem is None and self._text == "extract":
            try:
                text = str(self.wiki.library.page(found.title).text)
            except KeyError:  # Wikipedia-API finds no extract: deleted since, or no text at all
                problem = "page_missing"
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > self._max_page_bytes:
            text, problem = "", "page_too_large"
        self._cache.write(
            self._text,
            title,
            {
                "title": found.title,
                "namespace": found.namespace,
                "revision": found.revision,
                "model": found.model,
                "problem": problem,
                "text": text,
            },
        )

    def _pages(self, rejections: list[Rejection]) -> Iterator[Page]:
        """Yield the pages in the order of the walk; the position of a page is its place in the walk."""
        seen: set[str] = set()
        for position, member in enumerate(self.members):
            entry = self._cache.read(self._text, member.title)
            if entry is None:
                raise FileNotFoundError(
                    f"{self._cache.url}: {member.title!r} is gone from the cache; leave the folder alone while a run "
                    f"uses it, and run the same command again"
                )
            if entry["problem"] is not None:
                rejections.append(Rejection(entry["problem"], self.name, position, member.title))
                continue
            title, namespace = entry["title"], entry["namespace"]
            if title != member.title:
                yield Page(title=member.title, namespace=ARTICLE, redirect=title, text=b"", position=position)
            if namespace == ARTICLE and title not in seen:
                seen.add(title)
                text = entry["text"].encode("utf-8", "surrogatepass")
                model = entry.get("model", WIKITEXT)
                yield Page(
                    title=title, namespace=ARTICLE, redirect=None, text=text, position=position, model=model,
                    is_plain=self._text == "extract" or model == PLAIN_TEXT,
                )  # fmt: skip


def _batches(titles: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(titles), BATCH_TITLES):
        yield titles[start : start + BATCH_TITLES]
