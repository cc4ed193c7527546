"""The options of the input: what `pipeline.sources` reads."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """Which files are read, and what of them."""

    input: str
    """Files to read: a path, a glob, a folder of them, a comma-separated list of these, or (folder) one folder; any
    fsspec URL. Globs and folders pass over names that begin with . or _ (_SUCCESS, ._a.parquet). A file named *.paths
    or *.paths.gz is a listing of the files to read, as Common Crawl publishes them."""

    paths_prefix: str = "https://data.commoncrawl.org/"
    """Put before the relative paths of a listing; s3://commoncrawl/ inside Amazon's network, or a local folder."""

    input_format: Literal["url_table", "folder", "webdataset", "wat", "warc"] = "url_table"
    """url_table: Parquet, CSV, TSV, JSON lines; folder: images with .txt or .json beside them, or class folders;
    webdataset: tar shards; wat: Common Crawl's metadata files (image links with alt and title); warc: web archives,
    whose HTML is read (srcset, lazy images, figcaption too)."""

    url_column: str = ""
    """Column of the image URL; empty: found among the names the public tables use (url, URL, ...). Columns of a CSV or
    TSV without header are called 0, 1, ..., those of CC3M, CC12M and YFCC100M are known."""

    caption_column: str = ""
    """Column of the caption; empty: found among caption, TEXT, text, alt, ..."""

    csv_escape: Literal["auto", "quote", "backslash"] = "auto"
    """How a quote inside a quoted cell of a CSV is written: quote: twice (""); backslash: behind one (\\", as Spark
    does); auto: as the first megabyte of each file has it. In a TSV auto is quote."""

    extra_columns: tuple[str, ...] = ()
    """Further columns of the input carried through to the candidates (license, similarity, ...)."""

    where: str = ""
    """Only rows of the url_table for which this is true, in the syntax of SQL: "similarity > 0.3 and language == 'en'".
    A comparison with a missing value is not true. Parquet is not even read where its statistics rule it out."""

    uids: str = ""
    """Only rows of the url_table whose uid is in this file: npy of dtype u8,u8 (DataComp's subsets), or a line of 32
    hexadecimal digits per uid."""

    uid_column: str = "uid"
    """Column of the uid, for --uids."""

    input_name: str = ""
    """Name of the input root in the ids of local images; empty: the name of the folder."""

    def __post_init__(self) -> None:
        for name in ("where", "uids"):
            if getattr(self, name) and self.input_format != "url_table":
                raise ValueError(f"{name} is for input_format url_table only, found {self.input_format!r}")
        if self.where:
            from pipeline.sources.where import Where  # sqlglot takes 0.2 s to import

            Where(self.where)
