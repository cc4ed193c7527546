"""An input as one run sees it: listed once, so that what is planned, read and named in the run's identity is the same.

In: what `pipeline.sources.formats.open_source` found. Out: the `Input`, and its files as ``run.json`` names them.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.sources.source import InputFile, InputSplit, Source
from schemas.storage import canonical_json

MAX_LISTED_INPUTS = 1_000
"""More input files are named in ``run.json`` by the hash of their listing."""


@dataclass(frozen=True)
class Input:
    """What ``--input`` names."""

    source: Source
    root: str
    """The deepest folder that holds every file, by absolute path or URL."""
    files: list[InputFile]
    """In a fixed order, each once."""
    num_passed_over: int = 0
    """Files that a glob or folder takes in and that are no input; those of a folder of images count as records."""
    has_listing: bool = False
    """Some of the files come from a published listing: they never change, and are named without sizes."""


def listed_inputs(inputs: Input, splits: Sequence[InputSplit]) -> list[dict[str, Any]]:
    """Return the files that the `splits` read, with their sizes; of very many only the hash of the listing."""
    if splits[0].members:  # of a folder, all of them
        named = ((os.fsencode(file.name).decode("utf-8", "backslashreplace"), file.num_bytes) for file in inputs.files)
    else:
        read = {split.name for split in splits}  # a table without a row group has no split
        named = ((file.name, file.num_bytes) for file in inputs.files if file.name in read)
    listing = [{"name": name} if inputs.has_listing else {"name": name, "bytes": size} for name, size in named]
    if len(listing) <= MAX_LISTED_INPUTS:
        return listing
    digest = hashlib.sha256(canonical_json(listing)).hexdigest()
    return [{"name": "listing", "files": len(listing), "sha256": digest}]
