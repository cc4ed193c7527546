"""The input formats by name, and the source each one makes.

In: the options of an input. Out: the `Input`, listed once.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from pipeline.sources.config import SourceOptions
from pipeline.sources.files.path_listing import FoundInputs, expand_inputs
from pipeline.sources.html.warc import Warc
from pipeline.sources.images.image_folder import ImageFolder, list_images
from pipeline.sources.images.webdataset import WebDataset
from pipeline.sources.input import Input
from pipeline.sources.source import InputFile, Source
from pipeline.sources.tables.table_plan import TABLE_SUFFIXES
from pipeline.sources.tables.url_table import UrlTable
from pipeline.sources.wat.wat import Wat
from schemas.public_url import has_credentials, named_path
from schemas.storage import file_size

_ARCHIVE_PACKINGS = ("", ".gz", ".zst", ".lz4", ".bz2")

SUFFIXES = {
    "url_table": TABLE_SUFFIXES,
    "webdataset": (".tar",),
    "wat": tuple(f".wat{packing}" for packing in _ARCHIVE_PACKINGS),
    "warc": tuple(f".warc{packing}" for packing in _ARCHIVE_PACKINGS),
}
"""Of the files that a folder stands for as ``--input``."""

ASKING_THREADS = 16
"""Ask for sizes at once."""

INPUT_FORMATS = ("url_table", "folder", "webdataset", "wat", "warc")


def open_source(options: SourceOptions) -> Input:
    """List the input of `options` and return it with the source that reads it.

    Raises FileNotFoundError when nothing matches and ValueError for an input that does not fit the format.
    """
    if options.input_format not in INPUT_FORMATS:
        raise ValueError(f"--input-format must be one of {INPUT_FORMATS}, found {options.input_format!r}")
    return _open_folder(options) if options.input_format == "folder" else _open_files(options)


def _open_folder(options: SourceOptions) -> Input:
    root = options.input.rstrip("/")
    if "://" not in root:
        root = os.path.abspath(root)
        if not os.path.isdir(root):
            raise FileNotFoundError(f"--input {options.input}: no such folder; --input-format folder takes one folder")
    if has_credentials(root):
        raise ValueError(
            f"--input {options.input}: download reads these images later, and addresses are kept without user info; "
            "download the folder first"
        )
    listing = list_images(root)
    source = ImageFolder(root, listing, options.input_name or os.path.basename(root), options)
    return Input(source, root, listing.files)


def _open_files(options: SourceOptions) -> Input:
    found = expand_inputs(options.input, options.paths_prefix, SUFFIXES[options.input_format])
    if options.input_format == "webdataset" and any(named_path(path) != path for path in found.paths):
        raise ValueError(
            f"--input {options.input}: download reads the images of these tars later, and addresses are kept without "
            "user info and query; download the tars first, or give their bucket (s3://, gs://)"
        )
    root, files = _named_files(found)
    if not found.has_listing:
        files = _sized(files)
    source = _source(files, options.input_name or os.path.basename(root), options)
    return Input(source, root, files, found.num_passed_over, found.has_listing)


def _source(files: list[InputFile], name: str, options: SourceOptions) -> Source:
    if options.input_format == "url_table":
        return UrlTable(files, name, options)
    if options.input_format == "webdataset":
        return WebDataset(files, name, options)
    return Wat(files, name) if options.input_format == "wat" else Warc(files, name)


def _named_files(found: FoundInputs) -> tuple[str, list[InputFile]]:
    """Return the common folder of input files, and each file with its name in outputs: relative to that, no secrets.

    Sorted by name, each name once: a file that is given twice, signed differently, is one.
    """
    of_name: dict[str, str] = {}
    for path in found.paths:
        of_name.setdefault(named_path(path), path)
    root = _common_folder(list(of_name))
    paths = ((name, of_name[name]) for name in sorted(of_name))
    return root, [InputFile(path, name[len(root) + 1 :], found.sizes.get(path)) for name, path in paths]


def _sized(files: list[InputFile]) -> list[InputFile]:
    """Return `files` with the sizes that finding them did not tell, asked for once."""
    unknown = [file.path for file in files if file.num_bytes is None]
    with ThreadPoolExecutor(ASKING_THREADS) as pool:
        sizes = dict(zip(unknown, pool.map(file_size, unknown), strict=True))
    return [replace(file, num_bytes=sizes.get(file.path, file.num_bytes)) for file in files]


def _common_folder(paths: list[str]) -> str:
    """Return the deepest folder that holds all `paths` (absolute, or URLs of one filesystem)."""
    parts = [path.split("/")[:-1] for path in paths]
    depth = 0
    while all(len(p) > depth and p[depth] == parts[0][depth] for p in parts):
        depth += 1
    return "/".join(parts[0][:depth])
