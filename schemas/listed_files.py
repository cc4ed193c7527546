"""Paths of files and folders that a user gives in, the list of files out."""

from collections.abc import Callable, Sequence
from pathlib import Path

from schemas.existing_paths import is_dir, is_file
from schemas.side_files import is_side_file


def list_files(
    paths: Sequence[str], is_wanted: Callable[[str], bool], *, option: str, none_found: str, suffixes: Sequence[str]
) -> list[str]:
    """Return the files that are named, and below the folders that are those whose names are wanted, sorted, each once.

    Raises FileNotFoundError that names `option` for a path that is not there, and, in the words `none_found`, where no
    file is found.
    """
    found: list[str] = []
    for path in paths:
        if is_file(path):
            found.append(path)
        elif is_dir(path):
            below = sorted(file for file in Path(path).rglob("*") if file.is_file() and not is_side_file(file.name))
            found += [str(file) for file in below if is_wanted(file.name)]
        else:
            raise FileNotFoundError(f"{option}: no such file or folder {path!r}")
    if not found:
        raise FileNotFoundError(
            f"{option}: {none_found} below {', '.join(map(repr, paths))}; expected one of {', '.join(suffixes)}"
        )
    return list(dict.fromkeys(found))
