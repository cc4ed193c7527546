"""`pipeline download --retry-failed`: a finished shards folder in; the same with what healed out.

    failures that may heal -> plans -> fetched into retry.work/, a unit a plan -> joined to the folder, all or nothing

Killed while it fetches, the same command goes on; killed while it joins, it goes on as `schemas.rewritten` says.
"""

import dataclasses
import functools
import time
from collections.abc import Sequence
from typing import Any

from pipeline.download.again.healed import stage_healed
from pipeline.download.again.made_of import check_selection
from pipeline.download.again.retry_plan import RetryPlan, retry_plans
from pipeline.download.config import DownloadConfig
from pipeline.download.decode.options import ImageOptions
from pipeline.download.fetch.runtime import close_runtimes
from pipeline.download.graph import download_graph
from pipeline.download.shard.numbering import finished_plan, finished_plans
from pipeline.download.summary import FetchReport
from pipeline.runners.progress import UnitProgress
from pipeline.runners.runner import run_pipeline
from schemas.manifest import manifest_sha256, read_manifest
from schemas.rewritten import claim, finish_rewriting, rewrite
from schemas.run_options import identity_options
from schemas.run_record import FolderConflict, RunRecord, read_run, start_run
from schemas.shards_folder import STATS_SUFFIX
from schemas.storage import Folder
from schemas.units import Unit

WORK = "retry.work"
SAMPLES_PER_SHARD = 10_000
"""Where the selection does not tell."""


def retry_failed(
    config: DownloadConfig, selection: Folder, roots: dict[str, str], beam_args: Sequence[str]
) -> tuple[dict[str, Any], FetchReport]:
    """Ask again for what may heal in `config.output`; return the new manifest, and what was fetched.

    Raises FileNotFoundError or ValueError for a folder that is not finished, is of another selection, or whose images
    were made by other options.
    """
    start = time.monotonic()
    shards = Folder(config.output)
    if shards.exists():
        finish_rewriting(shards)
    manifest = read_manifest(shards, "shards")
    _check_same(shards, manifest, selection, config)
    claim(shards)
    try:
        plans = [found for _, found in sorted(finished_plans(shards).items())]
        samples = manifest["summary"]["selections"][0]["summary"].get("config", {}).get("samples_per_shard")
        asked = retry_plans(shards, plans, samples or SAMPLES_PER_SHARD)
        if not asked:
            return manifest, FetchReport(0, 0, 0, 0, time.monotonic() - start)
        units = _fetch(shards, asked, config, roots, beam_args)
        work = shards.sub(WORK)
        rewriting, _ = stage_healed(shards, work, plans, list(zip(asked, units, strict=True)))
        rewrite([rewriting])
        shards.delete(WORK)
    finally:
        shards.lock = None
    bodies = [unit.body for unit in units]
    report = FetchReport(
        shards=sum(bool(body.count("successes")) for body in bodies),
        images=sum(body.count("count") for body in bodies),
        successes=sum(body.count("successes") for body in bodies),
        body_bytes=sum(body.count("body_bytes") for body in bodies),
        seconds=time.monotonic() - start,
    )
    return read_manifest(shards, "shards"), report


def _check_same(shards: Folder, manifest: dict[str, Any], selection: Folder, config: DownloadConfig) -> None:
    check_selection(shards, manifest, selection)
    output_format = manifest["summary"].get("output_format", "webdataset")
    if output_format != "webdataset":
        raise ValueError(f"--retry-failed joins samples to tars; {shards.url} has its images as {output_format}")
    if config.fetcher != "own":
        raise ValueError(
            f"--retry-failed: expected --fetcher own, found {config.fetcher}; it would not know what is removed"
        )
    made, given = read_run(shards)["config"], identity_options(config)
    for name in (option.name for option in dataclasses.fields(ImageOptions)):
        if name in made and name in given and _as_json(given[name]) != made[name]:
            raise ValueError(
                f"--{name.replace('_', '-')}: the images in {shards.url} were made with {made[name]!r}, asked "
                f"{given[name]!r}; healed ones are made as the others"
            )


def _as_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _fetch(
    shards: Folder, plans: list[RetryPlan], config: DownloadConfig, roots: dict[str, str], beam_args: Sequence[str]
) -> list[Unit]:
    """Fetch `plans` into the work folder, but for those that are there from a run that was killed."""
    work = shards.sub(WORK)
    record = RunRecord(
        command="pipeline download --retry-failed",
        config=identity_options(config),
        inputs=[{"name": "shards", "manifest_sha256": manifest_sha256(shards)}],
    )
    try:
        start_run(work, record, alone=False)
    except FolderConflict:  # of other options, or what it brought is joined already
        shards.delete(WORK)
        start_run(work, record, alone=False)
    done = finished_plans(work)
    left = [plan for plan in plans if plan.number not in done]
    if left:
        build = functools.partial(
            download_graph, plans=left, shards=work.url, config=config, roots=tuple(sorted(roots.items()))
        )
        try:
            with UnitProgress(work, "", STATS_SUFFIX, len(plans), "retry"):
                run_pipeline(build, beam_args)
        finally:
            close_runtimes()
    units = [finished_plan(work, plan) for plan in plans]
    missing = [plan.number for plan, unit in zip(plans, units, strict=True) if unit is None]
    if missing:
        raise FileNotFoundError(f"{work.url}: plan {missing[0]} is not finished; run the command again")
    return [unit for unit in units if unit is not None]
