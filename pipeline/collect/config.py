"""The options of `pipeline collect`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class CollectOptions:
    """What decides which pairs become candidates."""

    input: str
    """Files to read: a path, a glob, a comma-separated list of them, or (folder) one folder; any fsspec URL."""

    input_format: Literal["url_table", "folder", "webdataset", "wat", "warc"] = "url_table"
    """url_table: Parquet, CSV, TSV, JSON lines; folder: images with .txt or .json beside them, or class folders;
    webdataset: tar shards."""

    queries: str
    """Folder that `querygen build` made."""

    match_rule: Literal["normalised", "metaclip"] = "normalised"
    """normalised: folded words of letters, digits and marks; metaclip: the published MetaCLIP rule, bit for bit."""

    url_column: str = ""
    """Column of the image URL; empty: found among the names the public tables use (url, URL, ...)."""

    caption_column: str = ""
    """Column of the caption; empty: found among caption, TEXT, text, alt, ..."""

    extra_columns: tuple[str, ...] = ()
    """Further columns of the input carried through to the candidates (license, similarity, ...)."""

    input_name: str = ""
    """Name of the input root in the ids of local images; empty: the name of the folder."""

    max_caption_bytes: int = 10_000
    """Longer captions are rejections (bytes of UTF-8)."""

    max_rejected_fraction: float = 0.5
    """The job fails when more than this part of the records is broken: then the input is not what it was taken for."""

    def __post_init__(self) -> None:
        if not 1 <= self.max_caption_bytes <= 1 << 20:
            raise ValueError(f"max_caption_bytes must be in 1 .. {1 << 20}, found {self.max_caption_bytes!r}")
        if not 0 <= self.max_rejected_fraction <= 1:
            raise ValueError(f"max_rejected_fraction must be in 0 .. 1, found {self.max_rejected_fraction!r}")


@dataclass(frozen=True, kw_only=True)
class CollectConfig(CollectOptions):
    """Collect candidate pairs: read, match against the queries, remove exact duplicates."""

    output: str
    """Folder for the candidates: absent, or an unfinished run of the same command."""
