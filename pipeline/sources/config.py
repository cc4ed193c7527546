"""The options of the input: what `pipeline.sources` reads."""

from dataclasses import dataclass, fields
from typing import Literal

from schemas.option_group import OptionGroup
from schemas.run_options import NotIdentity

_TABLES, _LOCAL = ("url_table",), ("folder", "webdataset")
_ONLY_FOR = {
    "url_column": _TABLES, "csv_escape": _TABLES, "where": _TABLES, "uids": _TABLES, "captions": _LOCAL,
    "caption_column": (*_TABLES, *_LOCAL), "extra_columns": (*_TABLES, *_LOCAL),
}  # fmt: skip
"""Options that other formats would pass over in silence."""


@dataclass(frozen=True, kw_only=True)
class SourceOptions(OptionGroup):
    """Which files are read, and what of them."""

    input: NotIdentity[str]
    """Files to read: a path, a glob, a folder of them, a comma-separated list of these, or (folder) one folder; any
    fsspec URL. Globs and folders pass over names that begin with . or _ (_SUCCESS, ._a.parquet). A file named *.paths
    or *.paths.gz is a listing of the files to read, as Common Crawl publishes them."""

    paths_prefix: NotIdentity[str] = "https://data.commoncrawl.org/"
    """Put before the relative paths of a listing; s3://commoncrawl/ inside Amazon's network, or a local folder."""

    input_format: Literal["url_table", "folder", "webdataset", "wat", "warc"] = "url_table"
    """url_table: Parquet, CSV, TSV, JSON lines; folder: images with .txt or .json beside them, or class folders;
    webdataset: tar shards; wat: Common Crawl's metadata files (image links with alt and title); warc: web archives,
    whose HTML is read (srcset, lazy images, figcaption too)."""

    url_column: str = ""
    """Column of the image URL; empty: found among the names the public tables use (url, URL, ...). Columns of a CSV or
    TSV without header are called 0, 1, ..., those of CC3M, CC12M and YFCC100M are known."""

    caption_column: str = ""
    """Column of the caption; empty: found among caption, TEXT, text, alt, ... A member inside of a column is named with
    a dot (metadata.caption); a list is a caption an item. Of folder and webdataset: the member of the .json."""

    captions: Literal["whole", "lines"] = "whole"
    """What the .txt beside an image is (folder, webdataset): whole: one caption; lines: a caption each line."""

    csv_escape: Literal["auto", "quote", "backslash"] = "auto"
    """How a quote inside a quoted cell of a CSV is written: quote: twice (""); backslash: behind one (\\", as Spark
    does); auto: as the first megabyte of each file has it. In a TSV auto is quote."""

    extra_columns: tuple[str, ...] = ()
    """Further columns of the input carried through to the candidates (license, similarity, ...), of folder and
    webdataset members of the .json. Their type is one that holds every value: text where numbers and texts mix."""

    unescape_html: bool = True
    """Undo HTML's character references, once, in captions and URLs (AT&amp;T, caf&eacute;, ?w=1&amp;h=2): public
    tables hold texts as they stood in a page's source (in LAION's every fiftieth URL).
    For url_table, folder and webdataset; wat and warc undo them anyway. Rules metaclip and metaclip2 match captions as
    they stand in the input."""

    where: str = ""
    """Only rows of the url_table for which this is true, in the syntax of SQL: "similarity > 0.3 and language == 'en'".
    A comparison with a missing value is not true. Parquet is not even read where its statistics rule it out."""

    uids: NotIdentity[str] = ""
    """Only rows of the url_table whose uid is in this file: npy of dtype u8,u8 (DataComp's subsets), or a line of 32
    hexadecimal digits per uid."""

    uid_column: str = "uid"
    """Column of the uid, for --uids."""

    input_name: str = ""
    """Name of the input root in the ids of local images; empty: the name of the folder."""

    @property
    def needs_captions(self) -> bool:
        """Whether a table without a column of captions is refused."""
        return True

    @property
    def undoes_html_references(self) -> bool:
        """Whether captions and URLs, as the source gives them, still have references to undo."""
        return self.unescape_html and self.input_format not in ("wat", "warc")

    def _check(self) -> None:
        defaults = {field.name: field.default for field in fields(self)}
        for name, formats in _ONLY_FOR.items():
            if self.input_format not in formats and getattr(self, name) != defaults[name]:
                known = ", ".join(formats)
                raise ValueError(f"{name} is for input_format {known} only, found {self.input_format!r}")
        if self.where:
            from pipeline.sources.tables.where import Where  # sqlglot takes 0.2 s to import

            Where(self.where)
