"""`pipeline download --input TABLE`: the table becomes a selection below the output, then that is downloaded.

OUTPUT/run.json                claims the output for input, options and all
OUTPUT/selection/              plans of images, rejected rows, tables of no queries
OUTPUT/00000.tar ...           as of any selection
"""

from collections.abc import Sequence
from dataclasses import fields
from functools import partial
from typing import Any

from pipeline.balance.settings import WORK, Settings
from pipeline.collect.deduplicate import COMPACT_BYTES
from pipeline.collect.extra_columns import settled_extra
from pipeline.collect.extract import CONTENT_BYTES, PARTS
from pipeline.collect.finish import part_units
from pipeline.collect.job import partitions_for
from pipeline.collect.rejected import check_rejected_fraction
from pipeline.collect.steps import Part, ReadPart
from pipeline.download.content.check import check_content
from pipeline.download.content.evaluation_set import evaluation_inputs
from pipeline.download.finish import finish_shards
from pipeline.download.job import ALGORITHM_VERSION, check_agent, download_shards, image_roots
from pipeline.download.policy.vocabulary import load_vocabulary
from pipeline.download.summary import FetchReport
from pipeline.listing.config import ListedDownloadConfig, ListingOptions
from pipeline.listing.finish import finish_listing
from pipeline.listing.graph import list_graph, plan_graph
from pipeline.listing.rows import RANK_KEY, ReductionByImage
from pipeline.listing.steps import ListSplit
from pipeline.runners.local.fork_server import prepare_workers
from pipeline.runners.progress import UnitProgress
from pipeline.runners.runner import run_pipeline
from pipeline.shuffle.estimate import estimate_shuffle
from pipeline.shuffle.exchange import EXCHANGE, exchange_folder
from pipeline.shuffle.room import check_room
from pipeline.sources.formats import open_source
from pipeline.sources.input import Input, listed_inputs
from pipeline.sources.source import InputSplit
from pipeline.sources.tables.row_filter import source_inputs
from schemas.manifest import read_manifest
from schemas.run_options import identity_options
from schemas.run_record import RUN_FILE, RunRecord, start_run
from schemas.shards_folder import LISTED_SELECTION_DIR
from schemas.storage import Folder
from schemas.units import Unit, whole_units

COMMAND = "pipeline download"

LISTING_VERSION = "1"
"""Part of the identity: raise it whenever the same options and input would give other plans."""


def run_listed_download(
    config: ListedDownloadConfig, beam_args: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any], FetchReport | None]:
    """Download the images that ``config.input`` lists; return the manifests of selection and shards, what was fetched.

    Call again to resume. Raises ValueError, FileNotFoundError or `schemas.run_record.FolderConflict` for input that
    does not fit and an output of another run, and `pipeline.collect.rejected.TooManyRejections`.
    """
    prepare_workers(beam_args)
    inputs, splits = opened(config)
    shards = Folder(config.output)
    selection = shards.sub(LISTED_SELECTION_DIR)
    record = _record(COMMAND, config, inputs, splits, selection)
    if not start_run(shards, record):
        return read_manifest(selection, "selection"), read_manifest(shards, "shards"), None
    listed = make_selection(config, inputs, splits, selection, beam_args)
    download = config.download()
    try:
        check_agent(selection, listed["rows"], config.user_agent)
        check_content(selection, download)
    except (ValueError, FileNotFoundError):
        shards.delete(RUN_FILE)  # other options are another run, which finds the list
        raise
    report = download_shards(selection, shards, download, beam_args, image_roots(selection, download))
    finished = finish_shards(shards, [selection], record.identity, config.max_failed_fraction, download)
    return listed, finished, report


def list_table(config: ListedDownloadConfig, beam_args: Sequence[str]) -> None:
    """Make the selection below ``config.output`` alone."""
    prepare_workers(beam_args)
    inputs, splits = opened(config)
    make_selection(config, inputs, splits, Folder(config.output).sub(LISTED_SELECTION_DIR), beam_args)


def opened(config: ListedDownloadConfig) -> tuple[Input, list[InputSplit]]:
    """Return the table and its splits. Raises ValueError or FileNotFoundError that says what does not fit."""
    inputs = open_source(config)
    try:
        splits = inputs.source.splits()
    except ValueError as error:
        if "--caption-column" not in str(error) or config.caption_column or not config.needs_captions:
            raise
        raise ValueError(f"{error}, or take the images without captions: --allow-missing-captions") from None
    if not splits:
        raise ValueError(f"--input {config.input}: nothing to read there; expected {config.input_format} input")
    return inputs, splits


def _record(
    command: str, config: ListedDownloadConfig, inputs: Input, splits: list[InputSplit], selection: Folder
) -> RunRecord:
    return RunRecord(
        command=command,
        config=identity_options(config)
        | {"input_name": inputs.source.root_name}
        | (
            {"agent": config.agent_token, "policy_sha256": load_vocabulary(config).sha256} if command == COMMAND else {}
        ),
        inputs=[
            *listed_inputs(inputs, splits),
            *({"name": file.name, "bytes": file.num_bytes} for file in inputs.source.files_beside),
            *source_inputs(config),
            *(evaluation_inputs(config) if command == COMMAND else ()),  # they choose no row of the list
        ],
        algorithm=f"{ALGORITHM_VERSION}, listing {LISTING_VERSION}",
        paths={"image_roots": {inputs.source.root_name: inputs.root}, LISTED_SELECTION_DIR: selection.url},
    )


def make_selection(
    config: ListedDownloadConfig, inputs: Input, splits: list[InputSplit], selection: Folder, beam_args: Sequence[str]
) -> dict[str, Any]:
    """Make the selection of all rows of the input (or resume it) and return its manifest.

    A split that was read is not read again; the plans are made anew.
    """
    record = _record("pipeline download: listing", config, inputs, splits, selection)
    names = {field.name for field in fields(ListingOptions)}
    record = RunRecord(
        **{**vars(record), "config": {name: value for name, value in record.config.items() if name in names}}
    )
    if not start_run(selection, record):
        _delete_work(selection)
        return read_manifest(selection, "selection")
    selection.delete(WORK)
    _list_splits(config, inputs, splits, selection, beam_args)
    parts = part_units(selection)
    check_rejected_fraction(selection, parts, config.input_format, config.max_rejected_fraction)
    extra = settled_extra(inputs.source, parts)
    num_partitions = partitions_for(sum(unit.body.count(CONTENT_BYTES) for unit in parts))
    estimate = estimate_shuffle(selection, [unit.files[0] for unit in parts], num_partitions, COMPACT_BYTES)
    check_room("download: listing", estimate, config, selection, beam_args)
    settings = Settings(
        candidates_url=selection.url, output_url=selection.url, mode="", key=RANK_KEY, num_queries=0, languages=(),
        extra=extra, caps=(), samples_per_shard=config.samples_per_shard,
    )  # fmt: skip
    _make_plans(parts, num_partitions, settings, selection, beam_args)
    manifest = finish_listing(selection, record, parts, extra, inputs.num_passed_over)
    _delete_work(selection)
    return manifest


def _delete_work(selection: Folder) -> None:
    for directory in (PARTS, WORK, EXCHANGE):
        selection.delete(directory)


def _list_splits(
    config: ListedDownloadConfig, inputs: Input, splits: list[InputSplit], selection: Folder, beam_args: Sequence[str]
) -> None:
    done = {unit.name for unit in whole_units(selection, PARTS, ".json")}
    missing = [split for split in splits if f"{PARTS}/{split.index:05d}.json" not in done]
    if not missing:
        return
    step = ListSplit(inputs.source, config, selection.url)
    with UnitProgress(selection, PARTS, ".json", len(splits), "list: input splits"):
        run_pipeline(partial(list_graph, splits=missing, step=step), beam_args)


def _make_plans(
    parts: list[Unit], num_partitions: int, settings: Settings, selection: Folder, beam_args: Sequence[str]
) -> None:
    full = [Part(unit.files[0]) for unit in parts if unit.files[0].rows]
    if not full:
        return
    wanted = frozenset(range(num_partitions))
    read = ReadPart(selection.url, num_partitions, settings.extra, ReductionByImage(), wanted, None)
    with exchange_folder(selection, beam_args) as exchange:
        run_pipeline(partial(plan_graph, parts=full, read=read, settings=settings, exchange=exchange), beam_args)
