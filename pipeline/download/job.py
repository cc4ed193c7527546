"""`pipeline download`: the graph, what is left to do, and the end of a shards folder."""

import functools
import time
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.download.again.job import retry_failed
from pipeline.download.config import DownloadConfig
from pipeline.download.content.check import check_content
from pipeline.download.content.evaluation_set import evaluation_inputs, write_evaluation_hashes
from pipeline.download.fetch.contact import MAX_WITHOUT_CONTACT, check_contact, has_contact
from pipeline.download.fetch.runtime import close_runtimes
from pipeline.download.finish import finish_shards
from pipeline.download.graph import download_graph
from pipeline.download.policy.vocabulary import load_vocabulary
from pipeline.download.shard.numbering import finished_plan, finished_plans
from pipeline.download.shard.plan import number_shift, shard_plans
from pipeline.download.summary import FetchReport
from pipeline.runners.local.fork_server import prepare_workers
from pipeline.runners.progress import UnitProgress
from pipeline.runners.runner import run_pipeline
from schemas.manifest import manifest_input, read_manifest
from schemas.run_options import identity_options
from schemas.run_record import MANIFEST_FILE, RunRecord, read_run, start_run
from schemas.shards_folder import STATS_SUFFIX
from schemas.storage import Folder
from schemas.tables import read_table

ALGORITHM_VERSION = "2"


def run_download(config: DownloadConfig, beam_args: Sequence[str] = ()) -> tuple[dict[str, Any], FetchReport | None]:
    """Download a selection into `config.output`; return the manifest, and what was fetched (None: finished before).

    Raises FileNotFoundError or ValueError when the selection is unfinished or the output belongs to another
    run (`FolderConflict`).
    """
    prepare_workers(beam_args)
    selection, shards = Folder(config.selection), Folder(config.output)
    selected = read_manifest(selection, "selection")
    if not shards.exists(MANIFEST_FILE):
        check_agent(selection, selected["rows"], config.user_agent)
    check_content(selection, config)
    record = RunRecord(
        command="pipeline download",
        config={
            **identity_options(config),
            "agent": config.agent_token,
            "policy_sha256": load_vocabulary(config).sha256,
        },
        inputs=[manifest_input("selection", selection), *evaluation_inputs(config)],
        algorithm=ALGORITHM_VERSION,
        paths={"selection": selection.url},
    )
    roots = image_roots(selection, config)
    if config.retry_failed:
        return retry_failed(config, selection, roots, beam_args)
    report = None
    if start_run(shards, record):
        report = download_shards(selection, shards, config, beam_args, roots, number_shift(selection))
        finish_shards(shards, [selection], record.identity, config.max_failed_fraction, config)
    return read_manifest(shards, "shards"), report


def check_agent(selection: Folder, num_rows: int, user_agent: str) -> None:
    """Raise ValueError when `user_agent` must hold a contact and does not: above 10,000 rows, if any is fetched."""
    if num_rows > MAX_WITHOUT_CONTACT and not has_contact(user_agent) and _has_images_to_fetch(selection):
        check_contact(user_agent, num_rows, selection.url)


def _has_images_to_fetch(selection: Folder) -> bool:
    for plan in shard_plans(selection, 0):
        references = read_table(selection, plan.file, columns=["image_ref"], record=plan.record)["image_ref"]
        if references.null_count:
            return True
    return False


def image_roots(selection: Folder, config: DownloadConfig) -> dict[str, str]:
    """Return where each input root lies: as the selection's ``run.json`` says, then as --image-root says.

    Raises ValueError for a root the selection does not know, and FileNotFoundError when it has local images
    whose root is not there: else every one of them would be recorded as missing.
    """
    recorded: dict[str, str] = read_run(selection).get("paths", {}).get("image_roots", {})
    given = config.image_root_paths()
    unknown = sorted(given.keys() - recorded.keys())
    if unknown:
        raise ValueError(f"--image-root {unknown[0]}: the selection's input roots are {sorted(recorded)}")
    roots = {**recorded, **given}
    absent = sorted(name for name, path in roots.items() if not Folder(path).exists())
    if absent and _has_local_images(selection):
        raise FileNotFoundError(
            f"input root {absent[0]!r} is not at {roots[absent[0]]}; say where it is: --image-root {absent[0]}=PATH"
        )
    return roots


def _has_local_images(selection: Folder) -> bool:
    for plan in shard_plans(selection, 0)[:1]:
        references = read_table(selection, plan.file, columns=["image_ref"], record=plan.record)["image_ref"]
        return bool(references.null_count < len(references))
    return False


def download_shards(
    selection: Folder,
    shards: Folder,
    config: DownloadConfig,
    beam_args: Sequence[str],
    roots: Mapping[str, str],
    shift: int = 0,
) -> FetchReport:
    """Make the shards of `selection` that `shards` does not have yet. Call again to resume.

    `shift` as `number_shift` gives it for the first selection of `shards`.
    """
    start = time.monotonic()
    done = finished_plans(shards)
    plans = [plan for plan in shard_plans(selection, shift) if plan.number not in done]
    write_evaluation_hashes(shards, config)
    if plans:
        build = functools.partial(
            download_graph, plans=plans, shards=shards.url, config=config, roots=tuple(sorted(roots.items()))
        )
        try:
            with UnitProgress(shards, "", STATS_SUFFIX, len(done) + len(plans), "download"):
                run_pipeline(build, beam_args)
        finally:
            close_runtimes()
    units = [finished_plan(shards, plan) for plan in plans]
    bodies = [unit.body for unit in units if unit is not None]
    return FetchReport(
        shards=len(bodies),
        images=sum(body.count("count") for body in bodies),
        successes=sum(body.count("successes") for body in bodies),
        body_bytes=sum(body.count("body_bytes") for body in bodies),
        seconds=time.monotonic() - start,
    )
