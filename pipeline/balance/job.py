"""`pipeline balance`: count, find the thresholds, select, lay out in shards; a refill starts from what failed.

A balance restarts from its beginning: its passes are short beside collect and download.
"""

from collections.abc import Sequence
from functools import partial
from hashlib import blake2b
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.utils.shared import Shared

from pipeline.balance.combine import KeepLowest, SumCounts
from pipeline.balance.config import BalanceConfig
from pipeline.balance.counts import dense
from pipeline.balance.earlier import read_earlier
from pipeline.balance.per_query_cap import RANKED, TOP_RANK, rank_bounds
from pipeline.balance.prediction import FIXED_POINT
from pipeline.balance.refill import as_first, earlier_hash, first_selection_settings
from pipeline.balance.transforms import (
    FAILED_FILE,
    MATCH_COLUMNS,
    MATCHED_FILE,
    SELECTED,
    SELECTED_FILE,
    SHARDS,
    THRESHOLDS_FILE,
    WORK,
    CandidateFile,
    CountMatches,
    LastKept,
    RankBelowBound,
    ReadCandidates,
    SelectPairs,
    Settings,
    ShardRange,
    WriteSelected,
    WriteShardPlans,
    WriteWork,
)  # fmt: skip
from pipeline.runner import run_pipeline
from pipeline.units import read_unit
from schemas.candidate import QUERY_COUNTS, candidate_schema
from schemas.identity import seed_key
from schemas.manifest import manifest_sha256, read_files, read_manifest, write_manifest
from schemas.run_record import RunRecord, config_parts, read_run, start_run
from schemas.storage import FileRecord, Folder
from schemas.tables import read_table, write_table

NOT_IDENTITY = ("candidates", "output", "queries", "failed", "rank_key_file")
"""Options that say where things lie: the inputs and the key are in the identity by their hashes."""

PARTITION_BYTES = 16 << 20
"""Candidates (compressed) per partition of images; ordering one takes about ten times as much memory."""

RANKED_PARTITION_ROWS = 2_000_000
"""(query, pair) rows kept per partition of capped queries: 56 MB."""

QUERIES_FILE, COUNTS_FILE = "queries.parquet", "query_counts.parquet"


def run_balance(
    config: BalanceConfig, beam_args: Sequence[str], first_selection: Folder | None = None
) -> dict[str, Any]:
    """Make the selection folder of `config` and return its manifest.

    `first_selection` is where a refill reads mode, cap, seed and shard size; None: from the manifest of the first
    folder of ``config.failed``. Raises ValueError for a refill that does not fit the first selection.
    """
    candidates = Folder(config.candidates)
    manifest = read_manifest(candidates, "candidates")
    first = first_selection_settings(config, first_selection) if config.failed else None
    if first is not None:
        config = as_first(config, first, manifest_sha256(candidates))
    key = _rank_key(config)
    key_hash = blake2b(key, digest_size=16, person=b"wit.key").hexdigest()
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
    queries = find_queries(config, run)
    settings = Settings(
        candidates_url=candidates.url,
        output_url=output.url,
        mode=config.mode,
        cap=config.max_pairs_per_query,
        key=key,
        num_queries=read_manifest(queries, "queries")["rows"],
        refill=earlier is not None,
        extra=_extra_type(candidates),
    )
    if earlier is not None:
        for name, ids in ((FAILED_FILE, earlier.failed_images), (SELECTED_FILE, earlier.selected_pairs)):
            output.write(name, ids.astype("<u8").tobytes())
    files = [CandidateFile(f.name) for f in read_files(candidates) if "/" not in f.name and f.rows]
    matched = count(files, settings, beam_args)
    thresholds = find_thresholds(files, matched, settings, beam_args)
    num_partitions = 1 << max(0, -(-manifest["bytes"] // PARTITION_BYTES) - 1).bit_length()
    counts, totals = select(files, num_partitions, settings, beam_args)
    number = earlier.num_shards if earlier is not None else 0
    plans, num_images = lay_out(num_partitions, config.samples_per_shard, number, settings, beam_args)
    return _finish(output, queries, record, settings, matched, thresholds, counts, totals, plans, num_images, number)


def find_queries(config: BalanceConfig, run: dict[str, Any]) -> Folder:
    """Return the queries folder the candidates were matched with.

    Raises FileNotFoundError when it is not there (any more) and ValueError when another list lies there now.
    """
    queries = Folder(config.queries or run["paths"]["queries"])
    read_manifest(queries, "queries")
    asked = next(entry["manifest_sha256"] for entry in run["inputs"] if entry["name"] == "queries")
    found = manifest_sha256(queries)
    if found != asked:
        raise ValueError(
            f"{queries.url}: not the queries the candidates were matched with (manifest sha256 {found}, expected "
            f"{asked}); name the right folder with --queries, or collect again"
        )
    return queries


def count(files: list[CandidateFile], settings: Settings, beam_args: Sequence[str]) -> np.ndarray:
    """Pass 1: the number of candidates that match each query."""
    run_pipeline(partial(_count_graph, files=files, settings=settings), beam_args)
    table = read_table(Folder(settings.output_url), MATCHED_FILE)
    return dense(table, "matched", settings.num_queries)


def _count_graph(pipeline: beam.Pipeline, files: list[CandidateFile], settings: Settings) -> None:
    _ = (
        _read(pipeline, files, settings, MATCH_COLUMNS)
        | "CountMatches" >> beam.ParDo(CountMatches(settings.num_queries)).with_output_types(pa.Table)
        | "SumMatches" >> beam.CombineGlobally(SumCounts())
        | "WriteMatched" >> beam.ParDo(WriteWork(settings.output_url, MATCHED_FILE))
    )


def find_thresholds(
    files: list[CandidateFile], matched: np.ndarray, settings: Settings, beam_args: Sequence[str]
) -> pa.Table:
    """Pass 2: the last (rank, pair_id) each query with more than cap matches keeps; empty in mode ``probabilistic``."""
    output = Folder(settings.output_url)
    found = [RANKED.empty_table().append_column("count", pa.array([], pa.int64()))]
    capped = (
        frozenset(np.flatnonzero(matched > settings.cap).tolist()) if settings.mode == "per_query_cap" else frozenset()
    )
    missing, factor = capped, 1
    while missing:  # more than once only when fewer than cap matches lie below the bound
        rows = len(missing) * settings.cap
        num_partitions = 1 << max(0, -(-rows // RANKED_PARTITION_ROWS) - 1).bit_length()
        name = f"{WORK}/last-{factor}"
        rank = RankBelowBound(settings, factor, missing, num_partitions)
        run_pipeline(partial(_threshold_graph, files=files, settings=settings, rank=rank, name=name), beam_args)
        bounds = rank_bounds(matched, settings.cap, factor)
        tables = [read_table(output, each) for each in output.names(WORK, ".parquet") if each.startswith(f"{name}-")]
        last = pa.concat_tables([found[0].slice(0, 0), *tables])
        whole = (last["count"].to_numpy() == settings.cap) | (
            bounds[last["query_id"].to_numpy()] == np.uint64(TOP_RANK)
        )
        found.append(last.filter(pa.array(whole)))
        missing = missing - frozenset(found[-1]["query_id"].to_pylist())
        factor *= 2
    thresholds = pa.concat_tables(found).combine_chunks().sort_by("query_id")
    write_table(output, THRESHOLDS_FILE, thresholds, thresholds.schema)
    return thresholds


def _threshold_graph(
    pipeline: beam.Pipeline, files: list[CandidateFile], settings: Settings, rank: RankBelowBound, name: str
) -> None:
    _ = (
        _read(pipeline, files, settings, MATCH_COLUMNS)
        | "RankBelowBound" >> beam.ParDo(rank).with_output_types(tuple[int, pa.Table])
        | "KeepLowest" >> beam.CombinePerKey(KeepLowest(settings.cap))
        | "LastKept" >> beam.ParDo(LastKept(settings.output_url, name))
    )


def select(
    files: list[CandidateFile], num_partitions: int, settings: Settings, beam_args: Sequence[str]
) -> tuple[pa.Table, pa.Table]:
    """Pass 3: write the selected pairs by partition of images; return counts per query and totals."""
    run_pipeline(partial(_select_graph, files=files, settings=settings, num_partitions=num_partitions), beam_args)
    output = Folder(settings.output_url)
    return read_table(output, f"{WORK}/counts.parquet"), read_table(output, f"{WORK}/totals.parquet")


def _select_graph(pipeline: beam.Pipeline, files: list[CandidateFile], settings: Settings, num_partitions: int) -> None:
    step = SelectPairs(settings, num_partitions, Shared())
    select_pairs = (
        beam.ParDo(step)
        .with_output_types(tuple[int, pa.Table], **{SelectPairs.COUNTS: pa.Table, SelectPairs.TOTAL: pa.Table})
        .with_outputs(SelectPairs.COUNTS, SelectPairs.TOTAL, main="selected")
    )
    selected = _read(pipeline, files, settings, None) | "SelectPairs" >> select_pairs
    for tag, name in ((SelectPairs.COUNTS, "Counts"), (SelectPairs.TOTAL, "Totals")):
        write = WriteWork(settings.output_url, f"{WORK}/{name.lower()}.parquet")
        summed = selected[tag] | f"Sum{name}" >> beam.CombineGlobally(SumCounts())
        _ = summed | f"Write{name}" >> beam.ParDo(write)
    by_partition = selected.selected | "GroupByPartition" >> beam.GroupByKey()
    _ = by_partition | "WriteSelected" >> beam.ParDo(WriteSelected(settings.output_url))


def _read(
    pipeline: beam.Pipeline, files: list[CandidateFile], settings: Settings, columns: list[str] | None
) -> beam.PCollection:
    """Return the candidate tables of `files`, of all columns or of some."""
    return (
        pipeline
        | "CreateFiles" >> beam.Create(files)
        | "SpreadFiles" >> beam.Reshuffle()  # one bundle per file: Create gives them all to one worker
        | "ReadCandidates" >> beam.ParDo(ReadCandidates(settings, columns, Shared())).with_output_types(pa.Table)
    )


def lay_out(
    num_partitions: int, samples_per_shard: int, number: int, settings: Settings, beam_args: Sequence[str]
) -> tuple[list[FileRecord], int]:
    """Write one plan per shard, numbered from `number`; return their records and the number of images."""
    output = Folder(settings.output_url)
    units = [read_unit(output, f"{SELECTED}-{partition:05d}.json") for partition in range(num_partitions)]
    images = [unit.body["images"] if unit else 0 for unit in units]
    ranges = shard_ranges(images, samples_per_shard, number)
    if ranges:
        run_pipeline(partial(_layout_graph, ranges=ranges, settings=settings), beam_args)
    done = [read_unit(output, f"{SHARDS}-{each.partition:05d}.json") for each in ranges]
    return [file for unit in done if unit for file in unit.files], sum(images)


def _layout_graph(pipeline: beam.Pipeline, ranges: list[ShardRange], settings: Settings) -> None:
    _ = (
        pipeline
        | "CreateRanges" >> beam.Create(ranges)
        | "SpreadRanges" >> beam.Reshuffle()  # as above
        | "WriteShardPlans" >> beam.ParDo(WriteShardPlans(settings.output_url, settings.extra))
    )


def shard_ranges(images: list[int], samples_per_shard: int, number: int) -> list[ShardRange]:
    """Return which shards start in which partition, from the images per partition; shards are numbered on."""
    ranges = []
    before = 0
    for partition, count_here in enumerate(images):
        first = -(-before // samples_per_shard)
        end = -(-(before + count_here) // samples_per_shard)
        if end > first:
            skip = first * samples_per_shard - before
            ranges.append(
                ShardRange(partition, first, end - first, skip, samples_per_shard, len(images), number + first)
            )
        before += count_here
    return ranges


def _finish(
    output: Folder, queries: Folder, record: RunRecord, settings: Settings, matched: np.ndarray, thresholds: pa.Table,
    counts: pa.Table, totals: pa.Table, plans: list[FileRecord], num_images: int, number: int,
) -> dict[str, Any]:  # fmt: skip
    kept, selected = (dense(counts, name, settings.num_queries) for name in ("kept", "selected"))
    limits = np.zeros(settings.num_queries, dtype=np.uint64)
    limits[thresholds["query_id"].to_numpy()] = thresholds["rank"].to_numpy()
    uncapped = np.ones(settings.num_queries, dtype=bool)
    uncapped[thresholds["query_id"].to_numpy()] = False
    table = pa.Table.from_arrays(
        [
            pa.array(np.arange(settings.num_queries), pa.int32()),
            pa.array(matched, pa.int64()),
            pa.array(kept, pa.int64()),
            pa.array(selected, pa.int64()),
            pa.array(limits, pa.uint64(), mask=uncapped),
        ],
        schema=QUERY_COUNTS,
    )
    files = [*plans, write_table(output, COUNTS_FILE, table, QUERY_COUNTS)]
    files.append(output.write(QUERIES_FILE, queries.read(QUERIES_FILE), settings.num_queries))
    total = {name: int(totals[name][0].as_py()) if len(totals) else 0 for name in ("expected", "selected")}
    pairs = sum(plan.rows for plan in plans)
    over = matched > settings.cap
    summary = {
        "config": record.config,
        "candidates_sha256": record.inputs[0]["manifest_sha256"],
        "refill": settings.refill,
        "counts": {
            "selected_pairs": pairs,
            "selected_before": total["selected"] - pairs,
            "images": num_images,
            "matches": int(matched.sum()),
            "expected_selected": round(total["expected"] / FIXED_POINT, 3),
        },
        "queries": {
            "without_match": int((matched == 0).sum()),
            "up_to_cap": int(((matched > 0) & ~over).sum()),
            "over_cap": int(over.sum()),
        },
        "tail_share": round(float(matched[~over].sum() / max(1, matched.sum())), 6),
        "shards": {"first": number, "count": len(plans)},
        "columns": [f"{field.name}: {field.type}" for field in candidate_schema(settings.extra)],
    }
    output.delete_temporaries()
    manifest = write_manifest(output, "selection", files, rows=pairs, identity=record.identity, summary=summary)
    output.delete(WORK)
    return manifest


def _rank_key(config: BalanceConfig) -> bytes:
    if not config.rank_key_file:
        return seed_key(config.seed)
    with open(config.rank_key_file, "rb") as raw:
        key = raw.read(65)
    if not 1 <= len(key) <= 64:
        raise ValueError(f"--rank-key-file {config.rank_key_file}: expected 1 to 64 bytes, found {len(key)} or more")
    return key


def _extra_type(candidates: Folder) -> pa.StructType:
    names = [f.name for f in read_files(candidates) if "/" not in f.name and f.name.endswith(".parquet")]
    schema = read_table(candidates, names[0]).schema
    return schema.field("extra").type if "extra" in schema.names else pa.struct([])
