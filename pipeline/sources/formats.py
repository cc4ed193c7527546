"""The input formats by name, and the source each one makes."""

import os

from pipeline.sources.config import SourceOptions
from pipeline.sources.folder import Folder
from pipeline.sources.path_listing import expand_inputs
from pipeline.sources.source import Source
from pipeline.sources.url_table import UrlTable
from pipeline.sources.warc import Warc
from pipeline.sources.wat import Wat
from pipeline.sources.webdataset import WebDataset

INPUT_FORMATS = ("url_table", "folder", "webdataset", "wat", "warc")


def open_source(options: SourceOptions) -> tuple[Source, str]:
    """Return (source, input root). The root is the deepest folder that holds every input file.

    Raises FileNotFoundError when nothing matches and ValueError for an input that does not fit the format.
    """
    input_glob, input_format = options.input, options.input_format
    if input_format == "folder":
        root = input_glob.rstrip("/")
        if "://" not in root:
            root = os.path.abspath(root)
            if not os.path.isdir(root):
                raise FileNotFoundError(f"--input {input_glob}: no such folder; --input-format folder takes one folder")
        return Folder(root, options.input_name or os.path.basename(root)), root
    paths = expand_inputs(input_glob, options.paths_prefix)
    root = _common_folder(paths)
    files = [(path, path[len(root) + 1 :]) for path in paths]
    name = options.input_name or os.path.basename(root)
    if input_format == "webdataset":
        return WebDataset(files, name), root
    if input_format == "url_table":
        return UrlTable(files, name, options), root
    if input_format == "wat":
        return Wat(files, name), root
    if input_format == "warc":
        return Warc(files, name), root
    raise ValueError(f"--input-format must be one of {INPUT_FORMATS}, found {input_format!r}")


def _common_folder(paths: list[str]) -> str:
    """Return the deepest folder that holds all `paths` (absolute, or URLs of one filesystem)."""
    parts = [path.split("/")[:-1] for path in paths]
    depth = 0
    while all(len(p) > depth and p[depth] == parts[0][depth] for p in parts):
        depth += 1
    return "/".join(parts[0][:depth])
