"""What identifies a run of collect: its options and its inputs, as far as they decide the candidates' bytes.

In: the configuration, the source and its splits, the queries. Out: the `RunRecord`.
"""

import hashlib
import os
from typing import Any

from pipeline.collect.config import CollectConfig
from pipeline.filter.filters import filter_inputs
from pipeline.sources.row_filter import source_inputs
from pipeline.sources.source import InputSplit, Source
from schemas.manifest import manifest_sha256
from schemas.run_options import identity_options
from schemas.run_record import RunRecord
from schemas.storage import Folder, canonical_json, file_size

ALGORITHM_VERSION = "4"
"""Part of the identity: raise it whenever the files of unfinished runs cannot be gone on with."""

MAX_LISTED_INPUTS = 1_000
"""More input files are named in ``run.json`` by the hash of their listing."""


def collect_record(
    config: CollectConfig, source: Source, splits: list[InputSplit], root: str, queries: Folder
) -> RunRecord:
    """Return the record of a run. Raises ValueError or FileNotFoundError for lists that the options name."""
    return RunRecord(
        command="pipeline collect",
        config=identity_options(config) | {"input_name": source.root_name},
        inputs=[
            *_listing(splits, source.has_listing),
            *({"name": name, "bytes": file_size(path)} for path, name in source.files_beside),
            *source_inputs(config),
            *filter_inputs(config),
            {"name": "queries", "manifest_sha256": manifest_sha256(queries)},
        ],
        algorithm=ALGORITHM_VERSION,
        paths={"image_roots": {source.root_name: root}, "queries": queries.url},
    )


def _listing(splits: list[InputSplit], listed: bool) -> list[dict[str, Any]]:
    """Return the input files with their sizes; of very many only the hash of the listing.

    The files of a published listing never change: 100,000 requests for their sizes are spared.
    """
    if splits[0].members:
        listing: list[dict[str, Any]] = [
            {"name": os.fsencode(name).decode("utf-8", "backslashreplace"), "bytes": size}
            for split in splits
            for name, size in zip(split.members, split.member_bytes, strict=True)
        ]
    else:
        paths = {split.name: split.path for split in splits}
        listing = [
            {"name": name} if listed else {"name": name, "bytes": file_size(path)}
            for name, path in sorted(paths.items())
        ]
    if len(listing) <= MAX_LISTED_INPUTS:
        return listing
    digest = hashlib.sha256(canonical_json(listing)).hexdigest()
    return [{"name": "listing", "files": len(listing), "sha256": digest}]
