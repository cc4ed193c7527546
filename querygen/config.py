"""Configuration of ``querygen build``."""

from dataclasses import dataclass

from querygen.query_list import DEFAULT_SIZE


@dataclass(frozen=True, kw_only=True)
class BuildConfig:
    """Make a query list from a Wikipedia dump, page views and WordNet."""

    dump: str
    """MediaWiki XML dump: a path or glob (.xml, .bz2, .gz, .xz), several separated by commas."""
    pageviews: str
    """Hourly page-view files pageviews-YYYYMMDD-HH0000(.gz): a path or glob, several separated by commas."""
    output: str
    """Folder to make: queries.parquet, counts/, rejections/."""
    size: int = DEFAULT_SIZE
    """Queries wanted. Budgets of the sources scale with it (MetaCLIP's reconstruction of the paper's 500,000)."""
    min_word_count: int = 100
    """A word is a query when the dump holds it this often (CLIP paper 2.2: "at least 100 times")."""
    min_bigram_count: int = 100
    """A bigram is a query only when the dump holds it this often: PMI alone prefers pairs seen once or twice. The
    paper states no number; this one asks of a bigram what the paper asks of a word."""
    count_floor: int = 5
    """Words and bigrams under this count are left out of counts/ (never above the two minimum counts)."""
    language: str = "en"
    """Language code of the wiki: of its page-view lines ("en", "en.m") and of the queries."""
    wordnet_dir: str | None = None
    """Folder with WordNet's files; without it: cache, nltk's data, nltk's download, Debian's wordnet-base."""
    num_processes: int = 0
    """Processes reading dump files, one file each at a time; 0: one per core."""

    def __post_init__(self) -> None:
        for name in ("size", "min_word_count", "min_bigram_count", "count_floor"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)!r}")
        if self.size > 2**31 - 1:
            raise ValueError(f"size must fit 32-bit query ids, found {self.size!r}")
        if self.num_processes < 0:
            raise ValueError(f"num_processes must be 0 (one per core) or more, found {self.num_processes!r}")
        if not self.language.replace("-", "").isalnum() or not self.language.isascii():
            raise ValueError(f"language must be a code such as 'en' or 'zh-yue', found {self.language!r}")


@dataclass(frozen=True, kw_only=True)
class WordnetConfig:
    """Prepare WordNet's files, so that later runs need no network."""

    output: str | None = None
    """Folder to make; without it WordNet is looked for as `querygen build` does, and kept in the cache."""
