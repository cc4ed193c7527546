"""`pipeline collect`: two Beam jobs, extract and deduplicate, and the candidates folder they make.

A third between them, only with ``--max-images-per-caption``, counts the images of each caption.
"""

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from apache_beam.utils.shared import Shared

from pipeline.collect.config import CollectConfig
from pipeline.collect.deduplicate import COMPACT_BYTES, Reduction
from pipeline.collect.extra_columns import settled_extra
from pipeline.collect.extract import (
    CONTENT_BYTES,
    PARTS,
)
from pipeline.collect.finish import finish_candidates, part_units
from pipeline.collect.graph import caption_graph, deduplicate_graph, extract_graph
from pipeline.collect.record import collect_record
from pipeline.collect.rejected import check_rejected_fraction
from pipeline.collect.steps import (
    DROPPED_PARTS,
    PARTITIONS,
    REPEATED,
    ExtractSplit,
    Part,
    ReadCaptions,
    ReadPart,
    WritePartition,
    WriteRepeatedCaptions,
    write_partition,
    write_repeated,
)
from pipeline.match.query_matcher import matched_columns
from pipeline.queries.metaclip_files import queries_folder
from pipeline.runners.local.fork_server import prepare_workers
from pipeline.runners.progress import UnitProgress
from pipeline.runners.runner import run_pipeline
from pipeline.shuffle.estimate import estimate_shuffle
from pipeline.shuffle.exchange import EXCHANGE, exchange_folder
from pipeline.shuffle.room import check_room
from pipeline.sources.formats import open_source
from pipeline.sources.source import InputSplit, Source
from schemas.identity import seed_key
from schemas.manifest import read_current_manifest, read_manifest
from schemas.query_list import read_queries
from schemas.run_record import start_run
from schemas.storage import Folder
from schemas.units import Unit, read_unit, whole_units

PARTITION_BYTES = 32 << 20
"""Matched candidates per partition (`schemas.tables.content_bytes`); deduplicating one takes about four times as much
memory."""


def run_collect(config: CollectConfig, beam_args: Sequence[str]) -> dict[str, Any]:
    """Make the candidates folder of `config` (or resume it) and return its manifest.

    Raises ValueError, FileNotFoundError or `schemas.run_record.FolderConflict` for input that does not fit, and
    `TooManyRejections`.
    """
    prepare_workers(beam_args)
    inputs = open_source(config)
    source = inputs.source
    splits = source.splits()
    if not splits:
        raise ValueError(f"--input {config.input}: nothing to read there; expected {config.input_format} input")
    output = Folder(config.output)
    with queries_folder(config.queries, config.output) as queries:
        read_current_manifest(queries, "queries")
        read_queries(queries, matched_columns(config.match_rule))  # what is wrong is told before anything is written
        config = dataclasses.replace(config, queries=queries.url)
        record = collect_record(config, inputs, splits, queries)
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
    manifest = finish_candidates(output, record, parts, extra, num_partitions, inputs.num_passed_over)
    _delete_work(output)
    return manifest


def _delete_work(output: Folder) -> None:
    for directory in (PARTS, REPEATED, DROPPED_PARTS, PARTITIONS, EXCHANGE):
        output.delete(directory)


def extract(
    config: CollectConfig, source: Source, splits: list[InputSplit], output: Folder, beam_args: Sequence[str]
) -> None:
    """Run the extract job over the splits that are not finished yet."""
    done = {unit.name for unit in whole_units(output, PARTS, ".json")}
    missing = [split for split in splits if f"{PARTS}/{split.index:05d}.json" not in done]
    if not missing:
        return
    step = ExtractSplit(source, config, output.url, Shared())
    with UnitProgress(output, PARTS, ".json", len(splits), "extract: input splits"):
        run_pipeline(partial(extract_graph, splits=missing, step=step), beam_args)


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
            run_pipeline(partial(caption_graph, parts=full, read=read, write=write, exchange=exchange), beam_args)
    for number in sorted(wanted):  # partitions that got no row
        if read_unit(output, f"{REPEATED}/{number:05d}.json") is None:
            write_repeated(output, number, np.zeros(0, dtype=np.uint64))


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
    counted = whole_units(output, DROPPED_PARTS, ".json")
    uncounted = repeated is not None and len(counted) < len(full)
    if (wanted or uncounted) and full:
        read = ReadPart(output.url, num_partitions, extra, reduction, wanted, repeated)
        write = WritePartition(output.url, extra, reduction)
        with (
            exchange_folder(output, beam_args) as exchange,
            UnitProgress(output, PARTITIONS, ".json", num_partitions, "deduplicate: partitions"),
        ):
            graph = partial(deduplicate_graph, parts=full, read=read, write=write, exchange=exchange)
            run_pipeline(graph, beam_args)
    for number in sorted(wanted):  # partitions that got no row
        if read_unit(output, f"{PARTITIONS}/{number:05d}.json") is None:
            write_partition(output, number, [], extra, reduction)


def _wanted(output: Folder, directory: str, num_partitions: int) -> frozenset[int]:
    """Return the partitions that are not finished in `directory`."""
    done = {unit.name for unit in whole_units(output, directory, ".json")}
    return frozenset(n for n in range(num_partitions) if f"{directory}/{n:05d}.json" not in done)


def _full(parts: list[Unit]) -> list[Part]:
    return [Part(unit.files[0]) for unit in parts if unit.files[0].rows]


def partitions_for(num_bytes: int) -> int:
    """Return the number of partitions for `num_bytes` of parts: a power of two, stable for the same input."""
    wanted = max(1, -(-num_bytes // PARTITION_BYTES))
    return 1 << (wanted - 1).bit_length()
