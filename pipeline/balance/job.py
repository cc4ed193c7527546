"""`pipeline balance`: what it is made from is read and checked, the job runs, its end is written.

A refill starts from what failed. A balance restarts from its beginning: its passes are short beside collect and
download.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.balance.config import BalanceConfig
from pipeline.balance.finish import finish
from pipeline.balance.graph import balance
from pipeline.balance.inputs import (
    candidate_files,
    extra_type,
    find_queries,
    hash_of_key,
    most_shuffled,
    rank_key,
)
from pipeline.balance.limits import write_languages
from pipeline.balance.refill.earlier import earlier_hash, read_rounds, write_earlier
from pipeline.balance.refill.first_selection import as_first, first_caps, first_selection_settings
from pipeline.balance.settings import WORK, Settings
from pipeline.balance.stored import write_stored
from pipeline.runners.local.fork_server import prepare_workers
from pipeline.shuffle.room import check_room
from schemas.manifest import manifest_input, read_current_manifest, read_manifest, sha256_as_known
from schemas.query_list import read_queries
from schemas.run_options import identity_options
from schemas.run_record import MANIFEST_FILE, RunRecord, read_run, start_run
from schemas.storage import Folder

ALGORITHM_VERSION = "1"
"""Part of the identity: raise it whenever the same options and candidates would select other pairs."""

EARLIER_SHARDS = "earlier shards"
"""Name of the input in run.json that stands for what a refill leaves out."""


def run_balance(
    config: BalanceConfig, beam_args: Sequence[str], first_selection: Folder | None = None
) -> dict[str, Any]:
    """Make the selection folder of `config` and return its manifest.

    `first_selection` is where a refill reads mode, cap, seed and shard size; None: from the manifest of the first
    folder of ``config.failed``. Raises ValueError for a refill that does not fit the first selection.
    """
    prepare_workers(beam_args)
    candidates = Folder(config.candidates)
    manifest = read_current_manifest(candidates, "candidates")
    first = first_selection_settings(config, first_selection) if config.failed else None
    if first is not None:
        config = as_first(config, first, sha256_as_known(candidates, first["candidates_sha256"]))
    key = rank_key(config)
    key_hash = hash_of_key(key)
    if first is not None and first["key_hash"] != key_hash:
        raise ValueError("--rank-key-file: the first selection was made with another key; a refill needs the same")
    failed = [Folder(path) for path in config.failed]
    for folder in failed:
        if folder.exists(MANIFEST_FILE):
            read_current_manifest(folder, "shards")
    rounds = read_rounds(failed) if failed else None
    output = Folder(config.output)
    run = read_run(candidates)
    record = RunRecord(
        command="pipeline balance",
        config=identity_options(config) | {"key_hash": key_hash},
        inputs=[
            manifest_input("candidates", candidates),
            *([{"name": EARLIER_SHARDS, "sha256": earlier_hash(rounds.earlier)}] if rounds is not None else []),
        ],
        algorithm=ALGORITHM_VERSION,
        paths={**run["paths"], "candidates": candidates.url, "failed": [folder.url for folder in failed]},
    )
    if not start_run(output, record):
        output.delete(WORK)  # of another run of this output that ended later
        return read_manifest(output, "selection")
    output.delete(WORK)
    queries = find_queries(config.queries, candidates, run)
    language_of = read_queries(queries, ("query_id", "language"))["language"]
    languages = write_languages(output, language_of)
    settings = Settings(
        candidates_url=candidates.url,
        output_url=output.url,
        mode=config.mode,
        key=key,
        num_queries=len(language_of),
        languages=languages,
        caps=_given_caps(config, first, languages),
        tail_share=config.tail_share,
        refill=rounds is not None,
        extra=extra_type(candidates),
        candidates_rows=manifest["rows"],
        candidates_bytes=manifest["bytes"],
        samples_per_shard=config.samples_per_shard,
        first_shard=rounds.num_plans if rounds is not None else 0,
        shards_before=rounds.num_shards if rounds is not None else 0,
    )
    fetched = np.zeros(settings.num_queries, dtype=np.int64)
    if rounds is not None:
        fetched = rounds.fetched_by_query(settings.num_queries)
        write_earlier(output, rounds.earlier)
        write_stored(output, rounds.stored_images)
    check_room("balance", most_shuffled(candidates), config, output, beam_args)
    balance(candidate_files(candidates), settings, beam_args)
    return finish(output, queries, record, settings, fetched)


def _given_caps(
    config: BalanceConfig, first: dict[str, Any] | None, languages: tuple[str, ...]
) -> tuple[int, ...] | None:
    """Return the cap of each language where it is known before the matches are counted."""
    if first is not None:
        return first_caps(first, languages)
    return None if config.tail_share is not None else (config.max_pairs_per_query,) * len(languages)
