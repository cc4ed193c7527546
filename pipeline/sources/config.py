"""The options of the input: what `pipeline.sources` reads."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """Which files are read, and what of them."""

    input: str
    """Files to read: a path, a glob, a comma-separated list of them, or (folder) one folder; any fsspec URL."""

    input_format: Literal["url_table", "folder", "webdataset", "wat", "warc"] = "url_table"
    """url_table: Parquet, CSV, TSV, JSON lines; folder: images with .txt or .json beside them, or class folders;
    webdataset: tar shards."""

    url_column: str = ""
    """Column of the image URL; empty: found among the names the public tables use (url, URL, ...)."""

    caption_column: str = ""
    """Column of the caption; empty: found among caption, TEXT, text, alt, ..."""

    extra_columns: tuple[str, ...] = ()
    """Further columns of the input carried through to the candidates (license, similarity, ...)."""

    input_name: str = ""
    """Name of the input root in the ids of local images; empty: the name of the folder."""
