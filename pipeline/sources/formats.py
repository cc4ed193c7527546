"""The input formats by name, and the source each one makes."""

import os

from pipeline.sources.config import SourceOptions
from pipeline.sources.files.path_listing import expand_inputs
from pipeline.sources.html.warc import Warc
from pipeline.sources.images.image_folder import Folder
from pipeline.sources.images.webdataset import WebDataset
from pipeline.sources.source import Source
from pipeline.sources.tables.table_plan import TABLE_SUFFIXES
from pipeline.sources.tables.url_table import UrlTable
from pipeline.sources.wat.wat import Wat
from schemas.public_url import has_credentials, named_path

_ARCHIVE_PACKINGS = ("", ".gz", ".zst", ".lz4", ".bz2")

SUFFIXES = {
    "url_table": TABLE_SUFFIXES,
    "webdataset": (".tar",),
    "wat": tuple(f".wat{packing}" for packing in _ARCHIVE_PACKINGS),
    "warc": tuple(f".warc{packing}" for packing in _ARCHIVE_PACKINGS),
}
"""Of the files that a folder stands for as ``--input``."""

INPUT_FORMATS = ("url_table", "folder", "webdataset", "wat", "warc")


def open_source(options: SourceOptions) -> tuple[Source, str]:
    """Return (source, input root). The root is the deepest folder that holds every input file.

    Raises FileNotFoundError when nothing matches and ValueError for an input that does not fit the format.
    """
    input_glob, input_format = options.input, options.input_format
    if input_format not in INPUT_FORMATS:
        raise ValueError(f"--input-format must be one of {INPUT_FORMATS}, found {input_format!r}")
    if input_format == "folder":
        root = input_glob.rstrip("/")
        if "://" not in root:
            root = os.path.abspath(root)
            if not os.path.isdir(root):
                raise FileNotFoundError(f"--input {input_glob}: no such folder; --input-format folder takes one folder")
        if has_credentials(root):
            raise ValueError(
                f"--input {input_glob}: download reads these images later, and addresses are kept without user info; "
                "download the folder first"
            )
        return Folder(root, options.input_name or os.path.basename(root), options), root
    inputs = expand_inputs(input_glob, options.paths_prefix, SUFFIXES[input_format])
    if input_format == "webdataset" and any(named_path(path) != path for path in inputs.paths):
        raise ValueError(
            f"--input {input_glob}: download reads the images of these tars later, and addresses are kept without user "
            "info and query; download the tars first, or give their bucket (s3://, gs://)"
        )
    root, files = _named_files(inputs.paths)
    source = _source(files, options.input_name or os.path.basename(root), options)
    source.num_passed_over, source.has_listing = inputs.num_passed_over, inputs.has_listing
    return source, root


def _source(files: list[tuple[str, str]], name: str, options: SourceOptions) -> Source:
    if options.input_format == "url_table":
        return UrlTable(files, name, options)
    if options.input_format == "webdataset":
        return WebDataset(files, name, options)
    return Wat(files, name) if options.input_format == "wat" else Warc(files, name)


def _named_files(paths: list[str]) -> tuple[str, list[tuple[str, str]]]:
    """Return the common folder of input files, and each file with its name in outputs: relative to that, no secrets.

    Sorted by name, each name once: a file that is given twice, signed differently, is one.
    """
    of_name: dict[str, str] = {}
    for path in paths:
        of_name.setdefault(named_path(path), path)
    root = _common_folder(list(of_name))
    return root, [(of_name[name], name[len(root) + 1 :]) for name in sorted(of_name)]


def _common_folder(paths: list[str]) -> str:
    """Return the deepest folder that holds all `paths` (absolute, or URLs of one filesystem)."""
    parts = [path.split("/")[:-1] for path in paths]
    depth = 0
    while all(len(p) > depth and p[depth] == parts[0][depth] for p in parts):
        depth += 1
    return "/".join(parts[0][:depth])
