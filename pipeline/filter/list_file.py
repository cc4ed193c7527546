"""Block lists: a text file of one entry per line in, its entries with their line numbers out.

White space around entries, empty lines and lines that begin with # are skipped. The file may be compressed (by its
name) and lie on any fsspec filesystem.
"""

import hashlib
from dataclasses import dataclass

import fsspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.packed import BROKEN_DATA


@dataclass(frozen=True)
class ListFile:
    """The entries of one file."""

    path: str
    entries: pa.Array
    lines: npt.NDArray[np.int64]
    """Line number of each entry, from 1."""

    def fault(self, row: int, expected: str) -> ValueError:
        """Return the error that says what is wrong with entry `row`."""
        found = str(self.entries[row].as_py())[:200]
        return ValueError(f"{self.path}, line {self.lines[row]}: expected {expected}, found {found!r}")


def read_list(path: str, option: str) -> ListFile:
    """Read the block list at `path`, given by `option`. Raises ValueError or FileNotFoundError that name both."""
    body, flag = _read(path, option), _flag(option)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{flag} {path}: expected UTF-8 text, found byte {body[error.start]:#x} at offset {error.start}"
        ) from error
    lines = pa.array(text.split("\n"), pa.large_string())
    entries = pc.utf8_trim_whitespace(lines)
    mask = pc.and_not(pc.not_equal(entries, ""), pc.starts_with(entries, "#"))
    numbers = np.flatnonzero(mask.to_numpy(zero_copy_only=False)) + 1
    return ListFile(path, entries.filter(mask).cast(pa.string()), numbers)


def content_hashes(paths: tuple[str, ...], option: str) -> tuple[str, ...]:
    """Return the SHA-256 of the content of each file."""
    return tuple(hashlib.sha256(_read(path, option)).hexdigest() for path in paths)


def _read(path: str, option: str) -> bytes:
    try:
        with fsspec.open(path, "rb", compression="infer") as file:
            body: bytes = file.read()
            return body
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{_flag(option)} {path}: no such file") from error
    except BROKEN_DATA as error:
        said = f"{type(error).__name__}: {error}"
        raise ValueError(f"{_flag(option)} {path}: cannot be read whole, {said}; fetch it again") from error


def _flag(option: str) -> str:
    return "--" + option.replace("_", "-")
