"""`pipeline balance`: count, find the thresholds, select, lay out in shards; a refill starts from what failed.

All of it is one Beam job, because starting workers costs seconds. A balance restarts from its beginning: its passes
are short beside collect and download.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.utils.shared import Shared

from pipeline.balance.caps import tail_share
from pipeline.balance.combine import KeepLowest, SumCounts
from pipeline.balance.config import BalanceConfig, BalanceOptions
from pipeline.balance.counts import dense
from pipeline.balance.earlier import read_earlier
from pipeline.balance.layout import PlanShards, WriteSelected, WriteShardPlans
from pipeline.balance.limits import Limits, decide_limits, read_languages, read_limits, write_languages, write_limits
from pipeline.balance.prediction import FIXED_POINT
from pipeline.balance.refill import NOT_REFILLABLE, as_first, earlier_hash, first_caps, first_selection_settings
from pipeline.balance.settings import (
    COUNTS_FILE,
    FAILED_FILE,
    SELECTED_FILE,
    SHARDS,
    WORK,
    CandidateFile,
    Settings,
    ShardRange,
)
from pipeline.balance.transforms import (
    CANDIDATES,
    MATCHES,
    SELECTED_PAIRS,
    CountMatches,
    CountMissing,
    DecideLimits,
    RankBelowBound,
    SelectPairs,
    WriteCounts,
    WriteThresholds,
    read_thresholds,
)
from pipeline.fork_server import prepare_workers
from pipeline.match.metaclip_files import write_entry_counts
from pipeline.memory import available_bytes
from pipeline.runner import is_local, run_pipeline
from pipeline.shuffle_estimate import (
    LOCAL_COPIES,
    MAX_MEMORY_FRACTION,
    WORKING_BYTES,
    ShuffleEstimate,
    check_memory,
    estimate_shuffle,
)
from pipeline.units import finished_units, read_unit
from schemas.candidate import QUERY_COUNTS, candidate_schema
from schemas.identity import seed_key
from schemas.manifest import manifest_sha256, read_files, read_manifest, write_manifest
from schemas.run_record import RunRecord, config_parts, read_run, start_run
from schemas.storage import FileRecord, Folder
from schemas.tables import read_table, write_table

NOT_IDENTITY = ("candidates", "output", "queries", "failed", "rank_key_file", "force")
"""Options that say where things lie: the inputs and the key are in the identity by their hashes."""

QUERIES_FILE, QUERY_COUNTS_FILE, NOT_REFILLABLE_FILE = (
    "queries.parquet",
    "query_counts.parquet",
    "not_refillable.parquet",
)


def run_balance(
    config: BalanceConfig, beam_args: Sequence[str], first_selection: Folder | None = None
) -> dict[str, Any]:
    """Make the selection folder of `config` and return its manifest.

    `first_selection` is where a refill reads mode, cap, seed and shard size; None: from the manifest of the first
    folder of ``config.failed``. Raises ValueError for a refill that does not fit the first selection.
    """
    prepare_workers(beam_args)
    candidates = Folder(config.candidates)
    manifest = read_manifest(candidates, "candidates")
    first = first_selection_settings(config, first_selection) if config.failed else None
    if first is not None:
        config = as_first(config, first, manifest_sha256(candidates))
    key = rank_key(config)
    key_hash = hash_of_key(key)
    if first is not None and first["key_hash"] != key_hash:
        raise ValueError("--rank-key-file: the first selection was made with another key; a refill needs the same")
    failed = [Folder(path) for path in config.failed]
    earlier = read_earlier(failed) if failed else None
    output = Folder(config.output)
    run = read_run(candidates)
    record = RunRecord(
        command="pipeline balance",
        config=config_parts(config, NOT_IDENTITY) | {"key_hash": key_hash},
        inputs=[
            {"name": "candidates", "manifest_sha256": manifest_sha256(candidates)},
            *([{"name": "earlier shards", "sha256": earlier_hash(earlier)}] if earlier is not None else []),
        ],
        paths={**run["paths"], "candidates": candidates.url},
    )
    if not start_run(output, record):
        return read_manifest(output, "selection")
    output.delete(WORK)
    queries = find_queries(config.queries, run)
    languages = write_languages(output, read_table(queries, QUERIES_FILE, columns=["language"])["language"])
    settings = Settings(
        candidates_url=candidates.url,
        output_url=output.url,
        mode=config.mode,
        key=key,
        num_queries=read_manifest(queries, "queries")["rows"],
        languages=languages,
        caps=_given_caps(config, first, languages),
        tail_share=config.tail_share,
        refill=earlier is not None,
        extra=extra_type(candidates),
        candidates_rows=manifest["rows"],
        candidates_bytes=manifest["bytes"],
        samples_per_shard=config.samples_per_shard,
        first_shard=earlier.num_shards if earlier is not None else 0,
    )
    if earlier is not None:
        for name, ids in ((FAILED_FILE, earlier.failed_images), (SELECTED_FILE, earlier.selected_pairs)):
            output.write(name, ids.astype("<u8").tobytes())
    available = None if config.force or not is_local(beam_args) else available_bytes()
    per_pair = _shuffled_bytes_per_pair(candidates)
    settings = replace(settings, max_selected=_most_selected(available, per_pair))
    balance(candidate_files(candidates), settings, beam_args)
    found = read_limits(output).at_most_selected
    if settings.max_selected is not None and found > settings.max_selected:
        estimate = ShuffleEstimate(rows=found, shuffled_bytes=found * per_pair)
        check_memory("balance", estimate, config, beam_args, available)
        raise AssertionError(f"{found} pairs are too many, but their estimate fits: {estimate}")
    return _finish(output, queries, record, settings)


def _given_caps(
    config: BalanceConfig, first: dict[str, Any] | None, languages: tuple[str, ...]
) -> tuple[int, ...] | None:
    """Return the cap of each language where it is known before the matches are counted."""
    if first is not None:
        return first_caps(first, languages)
    return None if config.tail_share is not None else (config.max_pairs_per_query,) * len(languages)


def candidate_files(candidates: Folder) -> list[CandidateFile]:
    """Return the files of the folder that hold candidates."""
    return [CandidateFile(record.name) for record in _candidate_records(candidates)]


def _candidate_records(candidates: Folder) -> list[FileRecord]:
    found = read_files(candidates)
    return [record for record in found if "/" not in record.name and record.name.endswith(".parquet") and record.rows]


def _shuffled_bytes_per_pair(candidates: Folder) -> int:
    """Return how many bytes a candidate has as an element, more or less."""
    files = _candidate_records(candidates)
    found = estimate_shuffle(candidates, files, max(1, len(files)))
    return -(-found.shuffled_bytes // max(1, found.rows))


def _most_selected(available: int | None, per_pair: int) -> int | None:
    """Return the most pairs whose shuffle fits `available` bytes of memory; None: any number."""
    if available is None or per_pair == 0:
        return None
    return int((MAX_MEMORY_FRACTION * available - WORKING_BYTES) / LOCAL_COPIES) // per_pair


def find_queries(queries_dir: str, run: dict[str, Any]) -> Folder:
    """Return the queries folder the candidates were matched with: `queries_dir`, or where collect found it.

    Raises FileNotFoundError when it is not there (any more) and ValueError when another list lies there now.
    """
    queries = Folder(queries_dir or run["paths"]["queries"])
    read_manifest(queries, "queries")
    asked = next(entry["manifest_sha256"] for entry in run["inputs"] if entry["name"] == "queries")
    found = manifest_sha256(queries)
    if found != asked:
        raise ValueError(
            f"{queries.url}: not the queries the candidates were matched with (manifest sha256 {found}, expected "
            f"{asked}); name the right folder with --queries, or collect again"
        )
    return queries


def balance(files: list[CandidateFile], settings: Settings, beam_args: Sequence[str]) -> None:
    """Run the job; once more, with bounds twice as high, when a query found fewer pairs below its bound than it keeps.

    Ranks are uniform, so that happens in less than one of 10^14 runs.
    """
    output = Folder(settings.output_url)
    if not files:
        write_limits(output, decide_limits(SumCounts().create_accumulator(), settings, read_languages(output)))
        return
    run_pipeline(partial(_balance_graph, files=files, settings=settings), beam_args)
    too_many = settings.max_selected is not None and read_limits(output).at_most_selected > settings.max_selected
    if not too_many and not output.exists(COUNTS_FILE):
        balance(files, replace(settings, factor=2 * settings.factor), beam_args)


def _balance_graph(pipeline: beam.Pipeline, files: list[CandidateFile], settings: Settings) -> None:
    shared = Shared()
    found = pipeline | "CreateFiles" >> beam.Create(files)
    spread = found | "SpreadFiles" >> beam.Reshuffle()  # one bundle per file: Create gives them all to one worker
    missing = count_graph(spread, settings, shared)
    if settings.mode == "per_query_cap":
        missing = _threshold_graph(spread, missing, settings, shared)
    selected = _select_graph(spread, missing, settings, shared)
    _layout_graph(pipeline, selected, settings)


def count_graph(files: beam.PCollection, settings: Settings, shared: Shared) -> beam.PCollection:
    """Pass 1: write the limits; return 0 when they are written."""
    return (
        files
        | "CountMatches" >> beam.ParDo(CountMatches(settings, shared)).with_output_types(pa.Table)
        | "SumMatches" >> beam.CombineGlobally(SumCounts()).without_defaults()
        | "DecideLimits" >> beam.ParDo(DecideLimits(settings))
    )


def _threshold_graph(
    files: beam.PCollection, decided: beam.PCollection, settings: Settings, shared: Shared
) -> beam.PCollection:
    """Pass 2: write the thresholds; return the number of queries that lack theirs."""
    rank = beam.ParDo(RankBelowBound(settings, shared), beam.pvalue.AsSingleton(decided))
    return (
        files
        | "RankBelowBound" >> rank.with_output_types(tuple[int, pa.Table])
        | "KeepLowest" >> beam.CombinePerKey(KeepLowest(partial(_caps, settings.output_url)))
        | "WriteThresholds" >> beam.ParDo(WriteThresholds(settings, shared))
        | "SumThresholds" >> beam.CombineGlobally(sum).without_defaults()
        | "CountMissing" >> beam.ParDo(CountMissing(settings, shared))
    )


def _caps(output_url: str) -> npt.NDArray[np.int64]:
    return read_limits(Folder(output_url)).caps


def _select_graph(
    files: beam.PCollection, missing: beam.PCollection, settings: Settings, shared: Shared
) -> beam.PCollection:
    """Pass 3: return (partition, selected pairs); write the counts."""
    selected = files | "SelectPairs" >> (
        beam.ParDo(SelectPairs(settings, shared), beam.pvalue.AsSingleton(missing))
        .with_output_types(tuple[int, pa.Table], **{SelectPairs.COUNTS: pa.Table})
        .with_outputs(SelectPairs.COUNTS, main="selected")
    )
    counts = selected[SelectPairs.COUNTS] | "SumCounts" >> beam.CombineGlobally(SumCounts()).without_defaults()
    _ = counts | "WriteCounts" >> beam.ParDo(WriteCounts(settings))
    return selected.selected


def _layout_graph(pipeline: beam.Pipeline, selected: beam.PCollection, settings: Settings) -> None:
    """Write the partitions of images in order, then one plan per shard."""
    grouped = selected | "GroupByPartition" >> beam.GroupByKey()
    images = grouped | "WriteSelected" >> beam.ParDo(WriteSelected(settings.output_url))
    plan = beam.ParDo(PlanShards(settings), beam.pvalue.AsList(images)).with_output_types(ShardRange)
    ranges = pipeline | "CreatePlan" >> beam.Create([0]) | "PlanShards" >> plan
    spread = ranges | "SpreadRanges" >> beam.Reshuffle()  # one element made them all
    _ = spread | "WriteShardPlans" >> beam.ParDo(WriteShardPlans(settings.output_url, settings.extra))


def _finish(output: Folder, queries: Folder, record: RunRecord, settings: Settings) -> dict[str, Any]:
    limits, thresholds = read_limits(output), read_thresholds(output)
    counts = read_table(output, COUNTS_FILE) if output.exists(COUNTS_FILE) else SumCounts().create_accumulator()
    kept, selected, expected, total = (
        dense(counts, name, settings.num_queries) for name in ("kept", "selected", "expected", "pairs")
    )
    units = [read_unit(output, name) for name in finished_units(output, WORK, ".json") if name.startswith(SHARDS)]
    plans = [file for unit in units if unit for file in unit.files]
    files = [*plans, _write_query_counts(output, limits, kept, selected, thresholds)]
    files.append(output.write(QUERIES_FILE, queries.read(QUERIES_FILE), settings.num_queries))
    if record.config["write_entry_counts"]:
        files.append(write_entry_counts(output))
    lost = np.minimum(limits.matched_before, limits.caps) - np.minimum(limits.matched, limits.caps)
    if settings.refill:
        files.append(_write_not_refillable(output, limits, lost))
    pairs = sum(plan.rows for plan in plans)
    over = limits.matched > limits.caps
    summary = {
        "config": record.config,
        "candidates_sha256": record.inputs[0]["manifest_sha256"],
        "refill": settings.refill,
        "caps": dict(zip(settings.languages, limits.language_caps, strict=True)),
        "counts": {
            CANDIDATES: settings.candidates_rows,
            SELECTED_PAIRS: pairs,
            "selected_before": int(total.sum()) - pairs,
            "images": sum(unit.body["images"] for unit in units if unit),
            MATCHES: int(limits.matched.sum()),
            "matches_of_selected": int(selected.sum()),
            "expected_selected": round(int(expected.sum()) / FIXED_POINT, 3),
        },
        "queries": {
            "without_match": int((limits.matched == 0).sum()),
            "up_to_cap": int(((limits.matched > 0) & ~over).sum()),
            "over_cap": int(over.sum()),
        },
        "not_refillable": {"queries": int((lost > 0).sum()), "kept": int(lost.sum())},
        "tail_share": tail_share(limits.matched, limits.caps),
        "shards": {"first": settings.first_shard, "count": len(plans)},
        "columns": [f"{field.name}: {field.type}" for field in candidate_schema(settings.extra)],
    }
    output.delete_temporaries()
    manifest = write_manifest(output, "selection", files, rows=pairs, identity=record.identity, summary=summary)
    output.delete(WORK)
    return manifest


def _write_query_counts(
    output: Folder, limits: Limits, kept: np.ndarray, selected: np.ndarray, thresholds: pa.Table
) -> FileRecord:
    ranks = np.zeros(len(kept), dtype=np.uint64)
    uncapped = np.ones(len(kept), dtype=bool)
    queries = thresholds["query_id"].to_numpy()
    ranks[queries] = thresholds["rank"].to_numpy()
    uncapped[queries] = False
    columns = [
        pa.array(np.arange(len(kept)), pa.int32()),
        *(pa.array(values, pa.int64()) for values in (limits.matched, kept, selected)),
        pa.array(ranks, pa.uint64(), mask=uncapped),
    ]
    table = pa.Table.from_arrays(columns, schema=QUERY_COUNTS)
    return write_table(output, QUERY_COUNTS_FILE, table, QUERY_COUNTS)


def _write_not_refillable(output: Folder, limits: Limits, lost: np.ndarray) -> FileRecord:
    """Write, per query that keeps fewer pairs than before any image failed, how many; its spares are used up."""
    queries = np.flatnonzero(lost)
    values = (queries, limits.matched_before[queries], limits.matched[queries], lost[queries])
    columns = [pa.array(found, field.type) for found, field in zip(values, NOT_REFILLABLE, strict=True)]
    return write_table(
        output, NOT_REFILLABLE_FILE, pa.Table.from_arrays(columns, schema=NOT_REFILLABLE), NOT_REFILLABLE
    )


def rank_key(config: BalanceOptions) -> bytes:
    """Return the key of ranks and draws: the seed's, or the private one."""
    if not config.rank_key_file:
        return seed_key(config.seed)
    with open(config.rank_key_file, "rb") as raw:
        key = raw.read(65)
    if not 1 <= len(key) <= 64:
        raise ValueError(f"--rank-key-file {config.rank_key_file}: expected 1 to 64 bytes, found {len(key)} or more")
    return key


def hash_of_key(key: bytes) -> str:
    """Return what tells keys apart without giving them away."""
    return blake2b(key, digest_size=16, person=b"wit.key").hexdigest()


def extra_type(candidates: Folder) -> pa.StructType:
    """Return the type of the columns carried through from the input."""
    names = [f.name for f in read_files(candidates) if "/" not in f.name and f.name.endswith(".parquet")]
    schema = read_table(candidates, names[0]).schema
    return schema.field("extra").type if "extra" in schema.names else pa.struct([])
