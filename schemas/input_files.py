"""The files that an option such as ``--input`` names: paths, globs and folders, on any fsspec filesystem.

In: a pattern. Out: the files, without those that systems and tools put beside the data.
"""

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import fsspec

from schemas.side_files import is_side_table

logger = logging.getLogger(__name__)

_NEXT_ADDRESS = re.compile(r",(?=\s*[A-Za-z][A-Za-z0-9+.\-]*://)")
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class FoundFiles:
    """What a pattern names: absolute paths or URLs, sorted, each once."""

    paths: list[str]
    passed_over: list[str]
    """Side files (`schemas.side_files`) that a glob or folder takes in, and a folder's files of other kinds."""
    sizes: dict[str, int]
    """Bytes of those of the paths whose size came with finding them."""


def expand_glob(pattern: str) -> list[str]:
    """Return the files a path, glob, or comma-separated list of them names, sorted, each once.

    Works on any fsspec URL. Side files are passed over, with a warning. Raises FileNotFoundError that names the part
    that matches nothing.
    """
    found = find_files(pattern)
    if found.passed_over:
        logger.warning(passed_over_text(found.passed_over))
    return found.paths


def passed_over_text(names: list[str]) -> str:
    """Return one line that says how many files were passed over, and the first of them."""
    return f"passed over {len(names)} file{'s'[: len(names) != 1]} that are no input, such as {names[0]}"


def find_files(pattern: str, suffixes: tuple[str, ...] = ()) -> FoundFiles:
    """Return the files a path, glob, or comma-separated list of them names, and what was passed over.

    A folder stands for the files below it that have one of `suffixes` (in lower case); without any it is refused.
    Raises FileNotFoundError that names the part that matches nothing.
    """
    sizes: dict[str, int | None] = {}
    passed_over: set[str] = set()
    for part in _parts(pattern):
        fs, path = fsspec.core.url_to_fs(part)
        local = "file" in ([fs.protocol] if isinstance(fs.protocol, str) else fs.protocol)
        remote = part.startswith(("http://", "https://")) and "*" not in part  # opening it says best what is wrong
        side: list[str] = []
        found = {path: None} if remote else _named(fs, path)
        if not found:
            found, side = _matching(fs, path, local)
            if not (found or side) and fs.isdir(path):
                found, side = _below(fs, path, part, suffixes)
        if not found:
            only = f" but {len(side)} side files ({os.path.basename(side[0])})" if side else ""
            raise FileNotFoundError(
                f"no file matches {part!r}{only}; give an existing file or a glob such as 'data/*.parquet'"
            )
        path_of = os.path.abspath if local else fs.unstrip_protocol
        for name, size in found.items():
            sizes[str(path_of(name))] = size
        passed_over.update(str(path_of(name)) for name in side)
    known = {name: size for name, size in sizes.items() if size is not None}
    return FoundFiles(sorted(sizes), sorted(passed_over - sizes.keys()), known)


def _parts(pattern: str) -> Iterator[str]:
    """Yield the paths and globs of a comma-separated list of them; a name may hold a comma, but no address another."""
    for address in _NEXT_ADDRESS.split(pattern):
        parts = [address]
        if "," in address:
            fs, path = fsspec.core.url_to_fs(address)
            parts = [address] if fs.isfile(path) else address.split(",")
        yield from map(str.strip, parts)


def _named(fs: Any, path: str) -> dict[str, int | None]:
    """Return the file `path` with its size, if the server tells it; nothing when no file is called so."""
    try:
        info = fs.info(path)
    except (OSError, ValueError):
        return {}
    return {path: info["size"]} if info["type"] == "file" else {}


def _below(fs: Any, path: str, part: str, suffixes: tuple[str, ...]) -> tuple[dict[str, int | None], list[str]]:
    """Return the files below a folder that have one of `suffixes`, with sizes if known, and the others."""
    if not suffixes:
        raise FileNotFoundError(f"{part!r} is a folder; give its files, such as '{part.rstrip('/')}/*'")
    infos = fs.find(path, detail=True)
    names = [str(name) for name in infos]
    root = path.rstrip("/")
    found = [
        name for name in names if name.lower().endswith(suffixes) and not is_side_table(name[len(root) :].lstrip("/"))
    ]
    if not found:
        raise FileNotFoundError(
            f"{part!r} is a folder with {len(names)} files, none of them named {', '.join(suffixes)}; "
            "give a folder or a glob of such files"
        )
    sizes = {name: None if infos[name].get("islink") else infos[name]["size"] for name in found}
    return sizes, sorted(set(names) - set(found))


def _matching(fs: Any, path: str, local: bool) -> tuple[dict[str, int | None], list[str]]:
    """Return the files that match a glob, with sizes if known, and the side files among them that it does not ask for
    by ``_`` or ``.``.
    """
    sizes: dict[str, int | None] = {}
    for name, info in fs.glob(path, detail=True).items():
        if local or info["size"] is None:  # a disk lists links as no files, a web server lists folders as files
            sizes |= _named(fs, str(name))
        elif info["type"] == "file":
            sizes[str(name)] = info["size"]
    names = list(sizes)
    plain = _MAGIC.split(path)[0].rpartition("/")[0]
    asked = {part[0] for part in path[len(plain) :].split("/") if part.startswith(("_", "."))}
    side = [name for name in names if _is_side(name[len(plain) :] if name.startswith(plain) else name, asked)]
    return {name: size for name, size in sizes.items() if name not in set(side)}, side


def _is_side(name: str, asked: set[str]) -> bool:
    return is_side_table("/".join(part for part in name.split("/") if part[:1] not in asked))
