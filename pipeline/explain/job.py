"""`pipeline explain`: candidates or a selection in, facts (JSON values) out; nothing stays on disk."""

import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow as pa

from pipeline.balance.counts import sum_counts
from pipeline.balance.inputs import candidate_files, extra_type, find_queries, hash_of_key, rank_key
from pipeline.balance.job import EARLIER_SHARDS
from pipeline.balance.limits import decide_limits, read_languages, read_limits, write_languages, write_limits
from pipeline.balance.refill.earlier import Earlier, earlier_hash, read_rounds, write_earlier
from pipeline.balance.settings import Settings
from pipeline.balance.steps.sums import read_sums
from pipeline.balance.steps.totals import read_totals
from pipeline.explain.config import ExplainConfig
from pipeline.explain.facts import after_facts, before_facts, pair_facts, query_facts
from pipeline.explain.graph import facts_graph, lower_graph
from pipeline.explain.steps import LOWER, read_found
from pipeline.runners.local.fork_server import prepare_workers
from pipeline.runners.runner import run_pipeline
from schemas.candidate import candidate_schema
from schemas.identity import URL_FAULTS, image_ids, normalise_urls
from schemas.manifest import read_current_manifest, sha256_as_known
from schemas.query_list import read_copied_queries, read_queries
from schemas.run_record import input_of, read_run
from schemas.storage import Folder
from schemas.url_text import browser_urls


def run_explain(config: ExplainConfig, beam_args: Sequence[str]) -> dict[str, Any]:
    """Return what there is to say: ``before``, ``after``, ``queries``, ``pairs``, as far as asked for.

    Raises ValueError for a query or pair that is not there, or candidates that are not the selection's.
    """
    prepare_workers(beam_args)
    summary = read_current_manifest(Folder(config.selection), "selection")["summary"] if config.selection else None
    if summary is not None:
        found = summary["config"]
        config = replace(
            config, mode=found["mode"], max_pairs_per_query=found["max_pairs_per_query"], seed=found["seed"],
            tail_share=found["tail_share"],
        )  # fmt: skip
        if summary["config"]["key_hash"] != hash_of_key(rank_key(config)):
            raise ValueError("--rank-key-file: the selection was made with another key")
    facts: dict[str, Any] = {}
    if summary is not None and not config.candidates:
        queries, counts = read_copied_queries(Folder(config.selection))
        facts["after"] = after_facts(summary, queries, counts)
        if config.query:
            facts["queries"] = query_facts(config.query, queries, counts, summary["caps"])
        return facts
    if config.work_dir:
        work = Folder(f"{config.work_dir}/explain-{uuid.uuid4().hex}")
        try:
            return _explain_candidates(config, summary, work, beam_args)
        finally:
            work.delete("")
    with tempfile.TemporaryDirectory(prefix="explain-") as directory:
        return _explain_candidates(config, summary, Folder(directory), beam_args)


def _explain_candidates(
    config: ExplainConfig, summary: dict[str, Any] | None, work: Folder, beam_args: Sequence[str]
) -> dict[str, Any]:
    candidates = Folder(config.candidates)
    manifest = read_current_manifest(candidates, "candidates")
    if summary is not None and (known := summary["candidates_sha256"]) != sha256_as_known(candidates, known):
        raise ValueError(f"--candidates {config.candidates}: the selection was made of other candidates")
    queries = read_queries(find_queries(config.queries, candidates, read_run(candidates)))
    earlier = _earlier(config, summary) if summary is not None and summary["refill"] else None
    if earlier is not None:
        write_earlier(work, earlier)
    languages = write_languages(work, queries["language"])
    caps = (config.max_pairs_per_query,) * len(languages) if config.tail_share is None else None
    if summary is not None:
        caps = tuple(summary["caps"][language] for language in languages)
    settings = Settings(
        candidates_url=candidates.url, output_url=work.url, mode=config.mode, key=rank_key(config),
        num_queries=len(queries), languages=languages, extra=extra_type(candidates), caps=caps,
        tail_share=config.tail_share, candidates_rows=manifest["rows"], candidates_bytes=manifest["bytes"],
        refill=earlier is not None,
    )  # fmt: skip
    files = candidate_files(candidates)
    asked = _asked(config)
    if files:
        run_pipeline(partial(facts_graph, files=files, settings=settings, asked=asked), beam_args)
    else:
        write_limits(work, decide_limits(sum_counts([]), settings, read_languages(work)))
    limits = read_limits(work)
    size = read_totals(work).expected_pairs
    before = before_facts(config.mode, manifest["rows"], size, queries, limits, languages)
    facts: dict[str, Any] = {"before": before}
    counts = None
    if config.selection:
        _, counts = read_copied_queries(Folder(config.selection))
        facts["after"] = after_facts(summary or {}, queries, counts)
    if config.query:
        table = counts if counts is not None else _counts_before(limits.matched)
        caps_by_language = dict(zip(languages, limits.language_caps, strict=True))
        facts["queries"] = query_facts(config.query, queries, table, caps_by_language)
    if asked is not None:
        pairs = read_found(work, candidate_schema(settings.extra))
        if pairs is None:
            raise ValueError(f"{asked[2]}: no candidate; it was not matched, dropped, rejected or never in the input")
        run_pipeline(partial(lower_graph, files=files, settings=settings), beam_args)
        facts["pairs"] = pair_facts(pairs, read_sums(work, LOWER), queries, limits, settings, earlier)
    return facts


def _earlier(config: ExplainConfig, summary: dict[str, Any]) -> Earlier:
    """Return what the refill left out. Raises ValueError when its earlier shards are not there or not the same."""
    run = read_run(Folder(config.selection))
    folders = config.failed or run["paths"].get("failed", ())
    advice = "name the shard folders that the refill was given with --failed"
    if not folders:
        raise ValueError(f"--selection {config.selection}: a refill; {advice}")
    found = read_rounds([Folder(path) for path in folders], summary["shards"]["first"]).earlier
    asked = input_of(run, EARLIER_SHARDS)["sha256"]
    if earlier_hash(found) != asked:
        raise ValueError(f"{', '.join(folders)}: not what the refill left out; {advice}, as they were then")
    return found


def _counts_before(matched: Any) -> pa.Table:
    return pa.table({"query_id": pa.array(range(len(matched)), pa.int32()), "matched": pa.array(matched, pa.int64())})


def _asked(config: ExplainConfig) -> tuple[str, bytes, str] | None:
    """Return (column, id in it, how it was asked for) of the pairs to look up."""
    if config.pair:
        return "pair_id", bytes.fromhex(config.pair), f"--pair {config.pair}"
    if not config.url:
        return None
    normal, faults = normalise_urls(browser_urls(pa.array([config.url])))
    if faults[0]:
        raise ValueError(f"--url {config.url!r}: {URL_FAULTS[faults[0]]}; expected an http or https URL of an image")
    return "image_id", image_ids(normal)[0].as_py(), f"--url {config.url}"
