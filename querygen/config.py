"""Configuration of the subcommands of ``querygen``; that of ``report`` is in its room. Imports nothing that is slow."""

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from querygen.presets import PRESETS
from querygen.query_list.query_list import DEFAULT_SIZE
from schemas.query_source import SOURCES
from schemas.run_options import NotIdentity

GIGABYTES_PER_PROCESS = 1.0
"""What a process that counts needs at most, see `querygen.counts.ngrams`."""


_CATEGORY_OPTIONS = (
    "depth", "max_pages", "wiki_url", "contact", "requests_per_s", "cache_dir", "wiki_refresh", "wiki_text",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class BuildConfig:
    """Make a query list from a Wikipedia dump, page views and WordNet. Exit code 3: a part of the input was damaged."""

    output: NotIdentity[str]
    """Folder or URL to make: queries.parquet, counts/, rejections/. After a kill the same command goes on there."""
    dump: NotIdentity[str | None] = None
    """MediaWiki XML dump (.xml, .bz2, .gz, .xz, .zst) or tables of plain-text articles (.parquet with columns id, url,
    title, text): a path, URL or glob, several separated by commas."""
    counts: NotIdentity[str | None] = None
    """Instead of --dump: folders made by `querygen count` or `querygen merge`, separated by commas."""
    wiki_category: str | None = None
    """Instead of --dump: the articles of this category, asked of the live wiki: a topical list in minutes."""
    depth: int = 1
    """--wiki-category: levels of subcategories followed."""
    max_pages: int | None = None
    """--wiki-category: at most so many articles, the nearest to the category first."""
    wiki_url: str | None = None
    """--wiki-category: another MediaWiki, by the address of its api.php; without it Wikipedia in --language."""
    contact: NotIdentity[str | None] = None
    """--wiki-category: your e-mail or web address, told to the wiki; Wikimedia's wikis are not read without it."""
    requests_per_s: NotIdentity[float] = 2.0
    """--wiki-category: most requests per second."""
    cache_dir: NotIdentity[str | None] = None
    """--wiki-category: folder that keeps the pages between runs; without it webimagetext/wiki in $XDG_CACHE_HOME or
    ~/.cache. A page that is there is not asked for again, see --wiki-refresh."""
    wiki_refresh: NotIdentity[bool] = False
    """--wiki-category: ask for the categories anew, and for every page in the cache that has a newer revision."""
    wiki_text: Literal["wikitext", "extract"] = "wikitext"
    """--wiki-category: wikitext is cleaned here as a dump's is, 50 pages a request; extract is the wiki's own plain
    text, with what templates print, one page a request."""
    pageviews: NotIdentity[str | None] = None
    """Page-view files: hourly pageviews-YYYYMMDD-HH0000(.gz), daily or monthly pageviews-...-user(.bz2): a path, URL or
    glob, several separated by commas. Without them no title is a query."""
    preset: Literal["clip", "metaclip"] = "clip"
    """Thresholds where no flag gives them: clip asks 100 of a word, 100 of a bigram, 1 view; metaclip 100, 10, 70."""
    size: int = DEFAULT_SIZE
    """Queries wanted. The sources' budgets scale with it (of 500,000: 251,465 words, 100,646 bigrams, 61,235 titles,
    86,654 synsets, MetaCLIP's reconstruction)."""
    budgets: Annotated[str | None, tyro.conf.arg(metavar="WORDS,BIGRAMS,TITLES,SYNSETS")] = None
    """Instead of --size: the budget of each source, for example 250000,100000,50000,100000."""
    min_word_count: int | None = None
    """A word is a query when the dump holds it this often; without the flag 100 (CLIP paper, section 2.2)."""
    min_bigram_count: int | None = None
    """A bigram is a query only when the dump holds it this often: PMI alone prefers pairs seen once or twice. Without
    the flag 100, or 10 with --preset metaclip; the paper states no number."""
    max_stop_word_share: float = 1.0
    """Share of a bigram's words that may be among the --num-stop-words most frequent words; 1 keeps "of the"."""
    num_stop_words: int = 100
    """How many of the dump's most frequent words count as stop words for --max-stop-word-share."""
    min_views: int | None = None
    """A title is a query when it was viewed this often in all files of --pageviews; without the flag 1, or 70 with
    --preset metaclip."""
    disambiguation: Literal["keep", "strip"] = "keep"
    """"Mercury (planet)": kept as the query "mercury planet", or stripped to "mercury"."""
    all_lemmas: bool = False
    """Every lemma of a synset is a query; without it the first (the synset's head)."""
    count_floor: int = 10
    """Words and bigrams under this count are left out of counts/ (never above the two minimum counts)."""
    language: str = "en"
    """Language code of the wiki: of its page-view lines ("en", "en.m") and of the queries. Chinese, Japanese, Thai,
    Lao, Burmese and Khmer need: pip install 'webimagetext[languages]'."""
    wordnet_dir: NotIdentity[str | None] = None
    """Folder or zip file with WordNet 3.0 or 3.1; without it 3.0 from the cache, nltk's data, nltk's download, or
    Debian's package wordnet-base where it is installed."""
    num_processes: NotIdentity[int] = 0
    """Processes that count; 0: one per core, as far as --memory-gb allows."""
    memory_gb: NotIdentity[float] = 8.0
    """Memory all processes together may use: one gigabyte each, the merge the rest."""

    def __post_init__(self) -> None:
        _check_positive(
            self,
            "size",
            "min_word_count",
            "min_bigram_count",
            "min_views",
            "count_floor",
            "num_stop_words",
            "max_pages",
        )
        if self.size > 2**31 - 1:
            raise ValueError(f"size must fit 32-bit query ids, found {self.size!r}")
        for name in ("dump", "counts", "wiki_category", "pageviews"):
            if getattr(self, name) is not None and not getattr(self, name).strip():
                raise ValueError(f"{name} must not be empty")
        inputs = [name for name in ("dump", "counts", "wiki_category") if getattr(self, name) is not None]
        if len(inputs) != 1:
            raise ValueError(
                f"expected one of --dump, --counts and --wiki-category, found {' and '.join(inputs) or 'none'}"
            )
        if self.depth < 0:
            raise ValueError(f"depth must be 0 (no subcategories) or more, found {self.depth!r}")
        if not 0 < self.requests_per_s <= 1000:
            raise ValueError(f"requests_per_s must be above 0 and at most 1000, found {self.requests_per_s!r}")
        if not 0 <= self.max_stop_word_share <= 1:
            raise ValueError(f"max_stop_word_share must be 0 to 1, found {self.max_stop_word_share!r}")
        self._check_category_options()
        self.given_budgets()
        _check_machine(self)
        _check_language(self)

    def _check_category_options(self) -> None:
        if self.wiki_category is None:
            for name in _CATEGORY_OPTIONS:
                if getattr(self, name) != getattr(type(self), name):
                    raise ValueError(f"{name} is of use with --wiki-category only, found {getattr(self, name)!r}")

    def given_budgets(self) -> dict[str, int] | None:
        """Return --budgets by source, None without it. Raises ValueError."""
        if self.budgets is None:
            return None
        parts = self.budgets.split(",")
        if len(parts) != len(SOURCES) or not all(part.strip().isdigit() for part in parts):
            raise ValueError(f"budgets must be four numbers (words,bigrams,titles,synsets), found {self.budgets!r}")
        return dict(zip(SOURCES, map(int, parts), strict=True))

    def threshold(self, name: Literal["min_word_count", "min_bigram_count", "min_views"]) -> int:
        """Return a threshold: as given, else the preset's."""
        given: int | None = getattr(self, name)
        return getattr(PRESETS[self.preset], name) if given is None else given


@dataclass(frozen=True, kw_only=True)
class CountConfig:
    """Count the words and bigrams of dump files, exactly, on one or several machines, for `querygen build --counts`."""

    dump: NotIdentity[str]
    """MediaWiki XML dump (.xml, .bz2, .gz, .xz, .zst) or tables of plain-text articles (.parquet): a path, URL or glob,
    several separated by commas; each machine takes other files of the dump."""
    output: NotIdentity[str]
    """Folder to make: runs/, words.parquet, bigrams.parquet, redirects.parquet, rejections/."""
    min_word_count: int = 100
    """bigrams.parquet holds only bigrams of words seen this often; runs/ holds them all."""
    count_floor: int = 10
    """Words and bigrams under this count are left out of the two tables; runs/ holds them all."""
    language: str = "en"
    """Language code of the wiki: it decides whether words are set apart by a segmenter."""
    num_processes: NotIdentity[int] = 0
    """Processes that count; 0: one per core, as far as --memory-gb allows."""
    memory_gb: NotIdentity[float] = 8.0
    """Memory all processes together may use: one gigabyte each, the merge the rest."""

    def __post_init__(self) -> None:
        _check_positive(self, "min_word_count", "count_floor")
        _check_machine(self)
        _check_language(self)


@dataclass(frozen=True, kw_only=True)
class MergeConfig:
    """Join folders made by `querygen count` on several machines, each over other files of the dump."""

    inputs: NotIdentity[tyro.conf.Positional[tuple[str, ...]]]
    """Folders made by `querygen count` or `querygen merge`; no dump file may be counted in two of them."""
    output: NotIdentity[str]
    """Folder to make, as of `querygen count`."""
    min_word_count: int = 100
    """bigrams.parquet holds only bigrams of words seen this often; runs/ holds them all."""
    count_floor: int = 10
    """Words and bigrams under this count are left out of the two tables; runs/ holds them all."""
    num_processes: NotIdentity[int] = 0
    """Processes that merge; 0: one per core, as far as --memory-gb allows."""
    memory_gb: NotIdentity[float] = 8.0
    """Memory all processes together may use."""

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ValueError("inputs: expected at least one folder made by `querygen count`")
        _check_positive(self, "min_word_count", "count_floor")
        _check_machine(self)


@dataclass(frozen=True, kw_only=True)
class WordnetConfig:
    """Prepare WordNet's files, so that later runs need no network."""

    output: str | None = None
    """Folder to make; without it WordNet is looked for as `querygen build` does, and kept in the cache."""
    wordnet_dir: str | None = None
    """Folder or zip file with WordNet 3.0 or 3.1 to copy; without it WordNet 3.0 is downloaded."""


def _check_positive(config: object, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, found {value!r}")


def _check_machine(config: BuildConfig | CountConfig | MergeConfig) -> None:
    if config.num_processes < 0:
        raise ValueError(f"num_processes must be 0 (one per core) or more, found {config.num_processes!r}")
    if not config.memory_gb >= GIGABYTES_PER_PROCESS or config.memory_gb == float("inf"):
        raise ValueError(f"memory_gb must be at least {GIGABYTES_PER_PROCESS}, found {config.memory_gb!r}")


def _check_language(config: BuildConfig | CountConfig) -> None:
    if not config.language.replace("-", "").isalnum() or not config.language.isascii():
        raise ValueError(f"language must be a code such as 'en' or 'zh-yue', found {config.language!r}")


@dataclass(frozen=True, kw_only=True)
class ExplainConfig:
    """Say why texts are queries of a list, or why not. Exit code 1 when any of them is not."""

    texts: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Texts to explain, quoted: "new york city". They are brought into the list's normal form first."""
    queries: str
    """Folder of `querygen build`."""
    json: bool = False
    """Write JSON: a list with one object per text."""


@dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """Compare two query lists: folders of `querygen build`, JSON lists (MetaCLIP's metadata.json) or text lists."""

    a: Annotated[str, tyro.conf.Positional]
    """First list: queries folder, .json (list of strings, or object of text to count), or text, one query a line."""
    b: Annotated[str, tyro.conf.Positional]
    """Second list."""
    exact: bool = False
    """Compare as written (of a queries folder: the surface) instead of in normal form."""
    samples: int = 10
    """Samples shown of what only one list holds, per source."""
    seed: int = 0
    """Seed of the samples."""
    output: str | None = None
    """JSON file to write, too."""

    def __post_init__(self) -> None:
        if self.samples < 0:
            raise ValueError(f"samples must be 0 or more, found {self.samples!r}")
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"seed must be in 0 .. 2**64 - 1, found {self.seed!r}")
        if self.output is not None and self.output.rstrip("/") != self.output:
            raise ValueError(f"output must be a file, found {self.output!r}")
