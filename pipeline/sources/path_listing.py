"""Lists of input files: ``*.paths.gz`` and ``*.paths``, as Common Crawl publishes them, a path per line.

In: a path, a glob, or a comma-separated list of them, of which any may be a listing. Out: the paths of the files.
"""

import os

import aiohttp

from pipeline.sources.byte_ranges import name_of, open_table
from pipeline.sources.source import BROKEN_DATA, first_line
from schemas.storage import expand_glob

LISTING_SUFFIXES = (".paths", ".paths.gz")


def expand_inputs(pattern: str, paths_prefix: str) -> list[str]:
    """Return the files that `pattern` names, those of its listings in place of the listings, sorted, each once.

    A line that is neither a URL nor an absolute path is put behind `paths_prefix`. The files of a listing are not
    looked for: a list of a crawl has 100,000. Raises FileNotFoundError, or ValueError for a listing that is none.
    """
    found: set[str] = set()
    try:
        paths = expand_glob(pattern)
    except aiohttp.ClientError as error:
        raise OSError(f"{pattern}: cannot be listed: {type(error).__name__}: {first_line(error)}") from error
    for path in paths:
        if name_of(path).endswith(LISTING_SUFFIXES):
            found.update(_listed(path, paths_prefix))
        else:
            found.add(path)
    return sorted(found)


def names_listing(pattern: str) -> bool:
    """Tell whether `pattern` names a listing."""
    return any(name_of(path).endswith(LISTING_SUFFIXES) for path in expand_glob(pattern))


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
