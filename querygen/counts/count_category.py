"""Count the articles of a category of a live wiki: the pages in, runs of counts and ranked titles out."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from querygen.config import BuildConfig
from querygen.counts.count_pages import DumpCounts, count_pages
from querygen.counts.ngrams import DEFAULT_MAX_PAIRS
from querygen.text.segment import Segmenter
from querygen.text.wikitext import TextExtractor
from querygen.wiki.dump import Page, SiteInfo
from querygen.wiki.live.category import ARTICLE
from querygen.wiki.live.page_cache import PageCache, default_cache_dir
from querygen.wiki.live.pages import CategoryPages
from querygen.wiki.live.site import Wiki, WikiConfig
from querygen.wiki.redirects import write_redirects
from querygen.wiki.revision import PROSE
from schemas.query import TITLE_COUNTS
from schemas.storage import Folder
from schemas.text import normal_form


def open_category(config: BuildConfig, progress: Any) -> tuple[CategoryPages, dict[str, Any]]:
    """Bring the pages of ``config.wiki_category`` to the cache; return them and what tells them apart as an input."""
    wiki = Wiki(
        WikiConfig(
            language=config.language,
            url=config.wiki_url,
            contact=config.contact,
            requests_per_s=config.requests_per_s,
        )
    )
    pages = CategoryPages(
        wiki,
        config.wiki_category or "",
        depth=config.depth,
        max_pages=config.max_pages,
        text=config.wiki_text,
        refresh=config.wiki_refresh,
        cache=PageCache(config.cache_dir or default_cache_dir(), wiki.api_url),
        progress=progress,
    )
    return pages, pages.fetch()


def count_category(folder: Folder, pages: CategoryPages, segmenter: Segmenter) -> DumpCounts:
    """Count the pages into one unit of runs in `folder`."""
    extractor = TextExtractor(pages.site)
    counts = count_pages(iter(pages), extractor, pages.name, segmenter, DEFAULT_MAX_PAIRS, folder, "000000")
    counts.statistics["xml_bytes"] = pages.num_bytes
    counts.files.append(write_redirects(folder, "000000.redirects.arrow", counts.redirects))
    counts.rejections = [*pages.rejections, *counts.rejections]
    return counts


def rank_titles(pages: CategoryPages, site: SiteInfo) -> pa.Table:
    """Return `TITLE_COUNTS` in which the length of an article in characters stands for its views, longest first."""
    joined: Counter[str] = Counter()
    surfaces: dict[str, str] = {}
    for title, length in sorted(article_lengths(pages, site).items(), key=lambda item: (-item[1], item[0])):
        text = normal_form(title)
        if text:
            surfaces.setdefault(text, title)
            joined[text] += length
    rows = sorted(joined.items(), key=lambda row: (-row[1], row[0]))
    columns: list[list[Any]] = [
        [text for text, _ in rows],
        [surfaces[text] for text, _ in rows],
        [length for _, length in rows],
    ]
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, TITLE_COUNTS, strict=True)], schema=TITLE_COUNTS
    )


def article_lengths(pages: Iterable[Page], site: SiteInfo) -> Counter[str]:
    """Return the length of the plain text of each article, in characters, by title: it stands in for page views.

    A topic has no page views, so its titles are ranked by how much there is to say of them. Characters, not words,
    because they need no segmenter and so hold in every language.
    """
    extractor = TextExtractor(site)
    lengths: Counter[str] = Counter()
    for page in pages:
        if page.redirect is None and page.namespace == ARTICLE and page.model in PROSE:
            try:
                text = page.text.decode() if page.is_plain else extractor.extract(page.text)[0]
            except UnicodeDecodeError:
                continue  # the counter rejects it
            lengths[page.title] = len(text)
    return lengths
