"""Hashes of input files: their place in the run's identity."""

import hashlib
from typing import Any

import fsspec

from querygen.workers.progress import bar
from schemas.public_url import base_name
from schemas.storage import file_size


def digests(paths: list[str], description: str = "hashing inputs") -> list[dict[str, Any]]:
    """Return name, bytes and SHA-256 of each file: its place in the run's identity.

    Raises ValueError for two files with the same bytes: they would count twice.
    """
    found: list[dict[str, Any]] = []
    first: dict[str, str] = {}
    with bar(sum(map(file_size, paths)), description) as progress:
        for path in paths:
            whole, size = hashlib.sha256(), 0
            with fsspec.open(path, "rb") as source:
                while block := source.read(1 << 20):
                    whole.update(block)
                    size += len(block)
                    progress.update(len(block))
            if size and whole.hexdigest() in first:
                raise ValueError(f"{path} has the same bytes as {first[whole.hexdigest()]}; give each file once")
            first[whole.hexdigest()] = path
            found.append({"name": base_name(path), "bytes": size, "sha256": whole.hexdigest()})
    return found
