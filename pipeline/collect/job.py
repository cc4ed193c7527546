"""`pipeline collect`: two Beam jobs, extract and deduplicate, and the candidates folder they make.

A third between them, only with ``--max-images-per-caption``, counts the images of each caption.
"""

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.utils.shared import Shared

from pipeline.collect.config import CollectConfig
from pipeline.collect.deduplicate import COMPACT_BYTES, Reduction
from pipeline.collect.extra_columns import empty_columns, settled_extra
from pipeline.collect.extract import (
    ALL_DROPPED,
    ARCHIVE_RECORDS,
    CONTENT_BYTES,
    CUT_RECORDS,
    DROPPED,
    DROPS,
    MATCHED_PAIRS,
    MATCHES,
    PARTS,
    RECORDS,
    REJECTED,
    UNFIT,
    sample_drops,
)
from pipeline.collect.record import collect_record
from pipeline.collect.rejected import check_rejected_fraction, summed
from pipeline.collect.repeated import REPEATED_CAPTION
from pipeline.collect.transforms import (
    CANDIDATES,
    CAPTIONS_PER_IMAGE,
    DROPPED_PARTS,
    DUPLICATES,
    PARTITIONS,
    REPEATED,
    ROWS_KEPT,
    ExtractSplit,
    Part,
    ReadCaptions,
    ReadPart,
    WritePartition,
    WriteRepeatedCaptions,
    write_partition,
    write_repeated,
)
from pipeline.exchange import EXCHANGE, GroupTables, exchange_folder
from pipeline.fork_server import prepare_workers
from pipeline.match.metaclip_files import queries_folder
from pipeline.match.query_matcher import matched_columns
from pipeline.progress import UnitProgress
from pipeline.runner import run_pipeline
from pipeline.shuffle_estimate import check_room, estimate_shuffle
from pipeline.sources.formats import open_source
from pipeline.sources.source import InputSplit, Source
from schemas.candidate import candidate_schema
from schemas.identity import seed_key
from schemas.manifest import read_current_manifest, read_manifest, write_manifest
from schemas.query_list import read_queries
from schemas.rejection import REJECTIONS
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from schemas.tables import read_table, write_table, write_tables
from schemas.units import Unit, finished_units, read_unit, whole_units

PARTITION_BYTES = 32 << 20
"""Matched candidates per partition (`schemas.tables.content_bytes`); deduplicating one takes about four times as much
memory."""

_REPORTED_OPTIONS = (
    "match_rule", "drop_tracking_parameters", "captions_per_image", "captions_seed", "max_images_per_caption",
)  # fmt: skip

MAX_PACKED = 300
"""LZ4 packs no bytes into less than a 255th of them."""


def run_collect(config: CollectConfig, beam_args: Sequence[str]) -> dict[str, Any]:
    """Make the candidates folder of `config` (or resume it) and return its manifest.

    Raises ValueError, FileNotFoundError or `schemas.run_record.FolderConflict` for input that does not fit, and
    `TooManyRejections`.
    """
    prepare_workers(beam_args)
    source, root = open_source(config)
    splits = source.splits()
    if not splits:
        raise ValueError(f"--input {config.input}: nothing to read there; expected {config.input_format} input")
    output = Folder(config.output)
    with queries_folder(config.queries, config.output) as queries:
        read_current_manifest(queries, "queries")
        read_queries(queries, matched_columns(config.match_rule))  # what is wrong is told before anything is written
        config = dataclasses.replace(config, queries=queries.url)
        record = collect_record(config, source, splits, root, queries)
        fresh = start_run(output, record)
    if not fresh:
        _delete_work(output)  # of another run of this output that ended later
        return read_manifest(output, "candidates")
    extract(config, source, splits, output, beam_args)
    parts = part_units(output)
    check_rejected_fraction(output, parts, config.input_format, config.max_rejected_fraction)
    num_partitions = partitions_for(sum(unit.body.count(CONTENT_BYTES) for unit in parts))
    estimate = estimate_shuffle(output, [unit.files[0] for unit in parts], num_partitions, COMPACT_BYTES)
    check_room("deduplicate", estimate, config, output, beam_args)
    if config.max_images_per_caption:
        count_captions(parts, num_partitions, config.max_images_per_caption, output, beam_args)
    extra = settled_extra(source, parts)
    deduplicate_parts(config, parts, num_partitions, extra, output, beam_args)
    manifest = _finish(output, record, parts, source, extra, num_partitions)
    _delete_work(output)
    return manifest


def _delete_work(output: Folder) -> None:
    for directory in (PARTS, REPEATED, DROPPED_PARTS, PARTITIONS, EXCHANGE):
        output.delete(directory)


def extract(
    config: CollectConfig, source: Source, splits: list[InputSplit], output: Folder, beam_args: Sequence[str]
) -> None:
    """Run the extract job over the splits that are not finished yet."""
    done = set(whole_units(output, PARTS, ".json"))
    missing = [split for split in splits if f"{PARTS}/{split.index:05d}.json" not in done]
    if not missing:
        return
    step = ExtractSplit(source, config, output.url, Shared())
    with UnitProgress(output, PARTS, ".json", len(splits), "extract: input splits"):
        run_pipeline(partial(_extract_graph, splits=missing, step=step), beam_args)


def _extract_graph(pipeline: beam.Pipeline, splits: list[InputSplit], step: ExtractSplit) -> None:
    _ = (
        pipeline
        | "CreateSplits" >> beam.Create(splits)
        | "SpreadSplits" >> beam.Reshuffle()  # one bundle per split: Create gives them all to one worker
        | "ExtractSplit" >> beam.ParDo(step)
    )


def count_captions(
    parts: list[Unit], num_partitions: int, limit: int, output: Folder, beam_args: Sequence[str]
) -> None:
    """Run the job that finds captions with more than `limit` images, over the partitions that are not finished."""
    wanted = _wanted(output, REPEATED, num_partitions)
    full = _full(parts)
    if wanted and full:
        read = ReadCaptions(output.url, num_partitions, limit, wanted)
        write = WriteRepeatedCaptions(output.url, limit)
        with (
            exchange_folder(output, beam_args) as exchange,
            UnitProgress(output, REPEATED, ".json", num_partitions, "count captions: partitions"),
        ):
            run_pipeline(partial(_caption_graph, parts=full, read=read, write=write, exchange=exchange), beam_args)
    for number in sorted(wanted):  # partitions that got no row
        if read_unit(output, f"{REPEATED}/{number:05d}.json") is None:
            write_repeated(output, number, np.zeros(0, dtype=np.uint64))


def _caption_graph(
    pipeline: beam.Pipeline, parts: list[Part], read: ReadCaptions, write: WriteRepeatedCaptions, exchange: str | None
) -> None:
    _ = (
        pipeline
        | "CreateCaptionParts" >> beam.Create(parts)
        | "SpreadCaptionParts" >> beam.Reshuffle()  # as above
        | "ReadCaptions" >> beam.ParDo(read).with_output_types(tuple[int, pa.Table])
        | "GroupByCaptionPartition" >> GroupTables(exchange)
        | "WriteRepeatedCaptions" >> beam.ParDo(write)
    )


def deduplicate_parts(
    config: CollectConfig, parts: list[Unit], num_partitions: int, extra: pa.StructType, output: Folder,
    beam_args: Sequence[str],
) -> None:  # fmt: skip
    """Run the deduplicate job over the partitions that are not finished yet."""
    limit = None if config.captions_per_image == "all" else config.captions_per_image
    reduction = Reduction(captions_per_image=limit, key=seed_key(config.captions_seed))
    wanted = _wanted(output, PARTITIONS, num_partitions)
    full = _full(parts)
    repeated = Shared() if config.max_images_per_caption else None
    counted = set(whole_units(output, DROPPED_PARTS, ".json"))
    uncounted = repeated is not None and len(counted) < len(full)
    if (wanted or uncounted) and full:
        read = ReadPart(output.url, num_partitions, extra, reduction, wanted, repeated)
        write = WritePartition(output.url, extra, reduction)
        with (
            exchange_folder(output, beam_args) as exchange,
            UnitProgress(output, PARTITIONS, ".json", num_partitions, "deduplicate: partitions"),
        ):
            graph = partial(_deduplicate_graph, parts=full, read=read, write=write, exchange=exchange)
            run_pipeline(graph, beam_args)
    for number in sorted(wanted):  # partitions that got no row
        if read_unit(output, f"{PARTITIONS}/{number:05d}.json") is None:
            write_partition(output, number, [], extra, reduction)


def _wanted(output: Folder, directory: str, num_partitions: int) -> frozenset[int]:
    """Return the partitions that are not finished in `directory`."""
    done = set(whole_units(output, directory, ".json"))
    return frozenset(n for n in range(num_partitions) if f"{directory}/{n:05d}.json" not in done)


def _full(parts: list[Unit]) -> list[Part]:
    return [Part(unit.files[0]) for unit in parts if unit.files[0].rows]


def _deduplicate_graph(
    pipeline: beam.Pipeline, parts: list[Part], read: ReadPart, write: WritePartition, exchange: str | None
) -> None:
    _ = (
        pipeline
        | "CreateParts" >> beam.Create(parts)
        | "SpreadParts" >> beam.Reshuffle()  # as above
        | "ReadPart" >> beam.ParDo(read).with_output_types(tuple[int, pa.Table])
        | "GroupByPartition" >> GroupTables(exchange)
        | "WritePartition" >> beam.ParDo(write)
    )


def partitions_for(num_bytes: int) -> int:
    """Return the number of partitions for `num_bytes` of parts: a power of two, stable for the same input."""
    wanted = max(1, -(-num_bytes // PARTITION_BYTES))
    return 1 << (wanted - 1).bit_length()


def _finish(
    output: Folder, record: RunRecord, parts: list[Unit], source: Source, extra: pa.StructType, num_partitions: int
) -> dict[str, Any]:
    units = _units(output, PARTITIONS, 1)
    files = [file for unit in units for file in unit.files]
    rejected = (read_table(output, unit.files[1].name, REJECTIONS, record=unit.files[1]) for unit in parts)
    files.append(write_tables(output, "rejections/collect.parquet", (t for t in rejected if len(t)), REJECTIONS))
    dropped_units = _units(output, DROPPED_PARTS, 1)
    sampled = DROPS.empty_table()
    for sample in [unit.files[2] for unit in parts] + [unit.files[0] for unit in dropped_units]:
        sampled = sample_drops(pa.concat_tables([sampled, read_table(output, sample.name, DROPS, record=sample)]))
    files.append(write_table(output, "drops/collect.parquet", sampled, DROPS))
    counts = summed([unit.body.counts("counts") for unit in [*parts, *dropped_units]])
    rows_kept = sum(unit.body.count(ROWS_KEPT) for unit in units)
    counts[DROPPED + CAPTIONS_PER_IMAGE] = (
        counts.get(MATCHED_PAIRS, 0) - counts.get(DROPPED + REPEATED_CAPTION, 0) - rows_kept
    )
    dropped = {
        name.removeprefix(DROPPED): count for name, count in counts.items() if count and name.startswith(DROPPED)
    }
    candidates = sum(unit.files[0].rows for unit in units)
    summary = {
        "counts": {
            **{name: counts.get(name, 0) for name in (RECORDS, REJECTED)},
            **{name: counts[name] for name in (ARCHIVE_RECORDS, CUT_RECORDS) if name in counts},
            ALL_DROPPED: sum(dropped.values()),
            **{name: counts.get(name, 0) for name in (MATCHED_PAIRS, MATCHES)},
            DUPLICATES: rows_kept - candidates,
            CANDIDATES: candidates,
        },
        "rejected_by_reason": summed([unit.body.counts("rejected_by_reason") for unit in parts]),
        "dropped_by_reason": dropped,
        "columns_without_value": empty_columns(parts),
        "values_unfit": {name.removeprefix(UNFIT): count for name, count in counts.items() if name.startswith(UNFIT)},
        "files_passed_over": source.num_passed_over,
        **{name: record.config[name] for name in _REPORTED_OPTIONS},
        "num_partitions": num_partitions,
        "columns": [f"{field.name}: {field.type}" for field in candidate_schema(extra)],
    }
    output.delete_temporaries()
    return write_manifest(
        output, "candidates", files, rows=candidates, identity=record.identity, summary=summary
    )  # fmt: skip


def part_units(output: Folder) -> list[Unit]:
    """Return the units of the extract job. Raises ValueError for one that is not as it was written."""
    units = _units(output, PARTS, 3)
    for unit in units:
        if unit.body.count(CONTENT_BYTES) > MAX_PACKED * (unit.files[0].bytes + 1024):  # it sets how many partitions
            raise ValueError(
                f"{unit.body.where}: found {unit.body[CONTENT_BYTES]} {CONTENT_BYTES} in a part of "
                f"{unit.files[0].bytes} bytes; the file was changed or damaged, delete it and run the command again"
            )
    return units


def _units(output: Folder, directory: str, num_files: int) -> list[Unit]:
    found = [read_unit(output, name) for name in finished_units(output, directory, ".json")]
    for unit in found:
        if unit is not None and len(unit.files) != num_files:
            raise ValueError(
                f"{unit.body.where}: expected {num_files} files, found {len(unit.files)}; the file was changed or "
                "damaged, delete it and run the command again"
            )
    return [unit for unit in found if unit is not None]
