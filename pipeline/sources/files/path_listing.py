"""Lists of input files: ``*.paths.gz`` and ``*.paths``, as Common Crawl publishes them, a path per line.

In: a path, a glob, a folder, or a comma-separated list of them, of which any file may be a listing. Out: the paths of
the files.
"""

import os
from dataclasses import dataclass

import aiohttp

from pipeline.sources.files.byte_ranges import name_of, open_table
from pipeline.sources.source import BROKEN_DATA, first_line
from schemas.input_files import find_files

LISTING_SUFFIXES = (".paths", ".paths.gz")


@dataclass(frozen=True)
class FoundInputs:
    """The files of an input."""

    paths: list[str]
    """Absolute paths or URLs, sorted, each once."""
    sizes: dict[str, int]
    """Bytes of those of the paths whose size came with finding them."""
    num_passed_over: int
    """Files that a glob or a folder of the input takes in and that are no input."""
    has_listing: bool
    """Some of the paths come from a listing."""


def expand_inputs(pattern: str, paths_prefix: str, suffixes: tuple[str, ...] = ()) -> FoundInputs:
    """Return the files that `pattern` names, those of its listings in place of the listings.

    A folder stands for the files below it with one of `suffixes`. A line that is neither a URL nor an absolute path is
    put behind `paths_prefix`. The files of a listing are not looked for: a list of a crawl has 100,000. Raises
    FileNotFoundError, or ValueError for a listing that is none.
    """
    try:
        named = find_files(pattern, suffixes)
    except aiohttp.ClientError as error:
        raise OSError(f"{pattern}: cannot be listed: {type(error).__name__}: {first_line(error)}") from error
    listings = [path for path in named.paths if name_of(path).endswith(LISTING_SUFFIXES)]
    found = set(named.paths) - set(listings)
    for path in listings:
        found.update(_listed(path, paths_prefix))
    return FoundInputs(sorted(found), named.sizes, len(named.passed_over), bool(listings))


def _listed(path: str, prefix: str) -> list[str]:
    try:
        with open_table(path) as raw:
            lines = [line.strip() for line in raw.read().decode("utf-8-sig").splitlines()]
    except BROKEN_DATA as error:
        raise ValueError(
            f"{path}: expected a listing, a path per line, plain or gzip; {type(error).__name__}: {first_line(error)}; "
            "download it again"
        ) from error
    names = [line for line in lines if line]
    if not names:
        raise ValueError(f"{path}: the listing names no file; give one with a path per line")
    if not prefix.endswith("/"):
        prefix += "/"
    if "://" not in prefix:
        prefix = os.path.abspath(prefix) + "/"
    return [name if "://" in name or name.startswith("/") else prefix + name for name in names]
