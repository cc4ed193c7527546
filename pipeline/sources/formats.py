"""The input formats by name, and the source each one makes."""

import os

from pipeline.sources.config import SourceOptions
from pipeline.sources.folder import Folder
from pipeline.sources.source import Source
from pipeline.sources.url_table import UrlTable
from pipeline.sources.webdataset import WebDataset
from schemas.storage import expand_glob

INPUT_FORMATS = ("url_table", "folder", "webdataset", "wat", "warc")


def open_source(options: SourceOptions) -> tuple[Source, str]:
    """Return (source, input root). The root is the deepest folder that holds every input file.

    Raises FileNotFoundError when nothing matches and ValueError for an input that does not fit the format.
    """
    input_glob, input_format = options.input, options.input_format
    if input_format in ("wat", "warc"):
        raise ValueError(
            f"--input-format {input_format} is not read by this version; make a url_table of it (for example with "
            "cc2dataset) and give that"
        )
    if input_format == "folder":
        root = input_glob.rstrip("/")
        if "://" not in root:
            root = os.path.abspath(root)
            if not os.path.isdir(root):
                raise FileNotFoundError(f"--input {input_glob}: no such folder; --input-format folder takes one folder")
        return Folder(root, options.input_name or os.path.basename(root)), root
    paths = expand_glob(input_glob)
    root = _common_folder(paths)
    files = [(path, path[len(root) + 1 :]) for path in paths]
    name = options.input_name or os.path.basename(root)
    if input_format == "webdataset":
        return WebDataset(files, name), root
    if input_format == "url_table":
        return UrlTable(files, name, options), root
    raise ValueError(f"--input-format must be one of {INPUT_FORMATS}, found {input_format!r}")


def _common_folder(paths: list[str]) -> str:
    """Return the deepest folder that holds all `paths` (absolute, or URLs of one filesystem)."""
    parts = [path.split("/")[:-1] for path in paths]
    depth = 0
    while all(len(p) > depth and p[depth] == parts[0][depth] for p in parts):
        depth += 1
    return "/".join(parts[0][:depth])
