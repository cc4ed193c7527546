"""`pipeline download --recheck`: a finished shards folder in; what became of its images, in ``rechecks/``, out.

    stored images -> drawn -> plans -> asked into recheck.work/, a unit a plan -> joined (`join`) -> the curve anew

Killed while it asks or joins, the same command goes on.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from pipeline.day import day_of
from pipeline.download.again.made_of import check_selection
from pipeline.download.again.retry_plan import table_record
from pipeline.download.config import DownloadConfig
from pipeline.download.content.options import ContentOptions
from pipeline.download.fetch.contact import check_contact
from pipeline.download.fetch.runtime import close_runtimes
from pipeline.download.policy.vocabulary import load_vocabulary
from pipeline.download.recheck.chart import write_curve
from pipeline.download.recheck.curve import recheck_names, recheck_number
from pipeline.download.recheck.graph import recheck_graph
from pipeline.download.recheck.join import join_recheck, note_opted_out, opted_out_before
from pipeline.download.recheck.plan import RecheckPlan, draw_images, recheck_plans, stored_images
from pipeline.download.recheck.steps import is_asked
from pipeline.download.shard.numbering import finished_plans
from pipeline.runners.local.fork_server import prepare_workers
from pipeline.runners.progress import UnitProgress
from pipeline.runners.runner import run_pipeline
from schemas.manifest import manifest_sha256, read_manifest
from schemas.recheck import RECHECKS_DIR
from schemas.removals import REMOVALS_NAME, read_removals
from schemas.rewritten import claim, finish_rewriting
from schemas.run_options import identity_options
from schemas.run_record import RUN_FILE, FolderConflict, RunRecord, read_run, start_run
from schemas.shards_folder import STATS_SUFFIX, shard_name
from schemas.storage import Folder

WORK = "recheck.work"
IMAGES_PER_PLAN = 10_000


def run_recheck(config: DownloadConfig, selection: Folder, beam_args: Sequence[str]) -> dict[str, Any]:
    """Ask again for the stored images of `config.output`; return the ``NNNNN.json`` of the recheck.

    Raises FileNotFoundError or ValueError for a folder that is not finished, or is of another selection.
    """
    prepare_workers(beam_args)
    day_of(config.since)  # what is no day is told before anybody is asked
    shards = Folder(config.output)
    if shards.exists():
        finish_rewriting(shards)
    manifest = read_manifest(shards, "shards")
    check_selection(shards, manifest, selection)
    if config.fetcher != "own":
        raise ValueError(f"--recheck: expected --fetcher own, found {config.fetcher}; it would store what it fetches")
    claim(shards)
    try:
        number, found = _finished_before(shards) or _ask(config, shards, beam_args)
        note_opted_out(shards, number, day_of(found["day"]))
        shards.delete(WORK)
        write_curve(shards, manifest["summary"], read_run(shards)["started"][:10])
    finally:
        shards.lock = None
    return found


def _finished_before(shards: Folder) -> tuple[int, dict[str, Any]] | None:
    """Return the recheck that was killed when all but the end of its work folder was done, None where there is none."""
    work = shards.sub(WORK)
    if not work.exists(RUN_FILE):
        return None
    number = read_run(work)["config"].count("number")
    name = f"{RECHECKS_DIR}/{shard_name(number)}.json"
    return (number, dict(shards.read_json(name))) if shards.exists(name) else None


def _ask(config: DownloadConfig, shards: Folder, beam_args: Sequence[str]) -> tuple[int, dict[str, Any]]:
    work = shards.sub(WORK)
    number = 1 + max(map(recheck_number, recheck_names(shards, RECHECKS_DIR)), default=-1)
    record = RunRecord(
        command="pipeline download --recheck",
        config={
            **identity_options(config),
            "agent": config.agent_token,
            "policy_sha256": load_vocabulary(config).sha256,
            "sample": config.recheck_sample,
            "seed": config.recheck_seed,
            "heads_only": config.recheck_heads_only,
            "since": config.since,
            "number": number,
            "removals_sha256": _sha256_of(shards, REMOVALS_NAME),
        },
        inputs=[{"name": "shards", "manifest_sha256": manifest_sha256(shards)}],
    )
    removals, before = read_removals(shards), opted_out_before(shards)
    records = [table_record(found) for _, found in sorted(finished_plans(shards).items()) if found.shard is not None]

    def every_id() -> Iterator[pa.ChunkedArray | pa.Array]:
        yield before
        for source in records:
            yield stored_images(shards, source, removals)["image_id"]

    draw = draw_images(every_id(), config.recheck_sample, config.recheck_seed)
    plans, images = recheck_plans(shards, records, removals, draw, IMAGES_PER_PLAN)
    check_contact(config.user_agent, images, shards.url)
    try:
        start_run(work, record, alone=False)
    except FolderConflict:  # of other options, or of the folder as it was before
        shards.delete(WORK)
        start_run(work, record, alone=False)
    _fetch(work, plans, config, beam_args)
    said = {
        "day": day_of(config.since or read_run(work)["started"][:10]).isoformat(),
        "sample": config.recheck_sample,
        "seed": config.recheck_seed,
        "heads_only": config.recheck_heads_only,
        "policy": config.policy,
        "stored": int(read_manifest(shards, "shards")["rows"]),
    }
    return number, join_recheck(shards, work, plans, before, draw, number, said)


def _sha256_of(folder: Folder, name: str) -> str:
    return hashlib.sha256(folder.read(name)).hexdigest() if folder.exists(name) else ""


def _fetch(work: Folder, plans: list[RecheckPlan], config: DownloadConfig, beam_args: Sequence[str]) -> None:
    """Ask for what is left of `plans`. Content is not looked at: an image that is too small is not gone."""
    left = [plan for plan in plans if not is_asked(work, plan)]
    if not left:
        return
    content: dict[str, Any] = {option.name: option.default for option in dataclasses.fields(ContentOptions)}
    plain = dataclasses.replace(config, **content)
    build = functools.partial(recheck_graph, plans=left, work=work.url, config=plain)
    try:
        with UnitProgress(work, "", STATS_SUFFIX, len(plans), "recheck"):
            run_pipeline(build, beam_args)
    finally:
        close_runtimes()
