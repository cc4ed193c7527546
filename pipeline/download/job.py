"""`pipeline download`: the graph, what is left to do, and the end of a shards folder."""

import functools
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam

from pipeline.download.config import DownloadConfig
from pipeline.download.fetch_report import FetchReport
from pipeline.download.numbering import delete_strays, finished_plan, finished_plans, number_shards
from pipeline.download.plan import ShardPlan
from pipeline.download.runtime import close_runtimes
from pipeline.download.summary import print_summary
from pipeline.download.transforms import MakeShard
from pipeline.fork_server import prepare_workers
from pipeline.progress import UnitProgress
from pipeline.runner import run_pipeline
from schemas.json_object import JsonObject
from schemas.manifest import manifest_sha256, normal_form_of, read_files, read_manifest, recorded, write_manifest
from schemas.run_options import identity_options
from schemas.run_record import RunRecord, read_run, start_run
from schemas.sample import STATUS_SUCCESS
from schemas.shards_folder import SIZES_FILE, STATS_SUFFIX, TAR_SUFFIX, shard_name
from schemas.storage import Folder
from schemas.tables import read_table
from schemas.tables_dir import QUERIES_NAME, QUERY_COUNTS_NAME, find_table, tables_path

ALGORITHM_VERSION = "2"

COPIED_TABLES = (QUERIES_NAME, QUERY_COUNTS_NAME)

_SHARD_FILE = re.compile(r"(\d{5,})\.parquet")


def run_download(config: DownloadConfig, beam_args: Sequence[str] = ()) -> dict[str, Any]:
    """Download a selection into `config.output`, print a summary, return the manifest.

    Raises FileNotFoundError or ValueError when the selection is unfinished or the output belongs to another
    run (`FolderConflict`).
    """
    prepare_workers(beam_args)
    selection, shards = Folder(config.selection), Folder(config.output)
    read_manifest(selection, "selection")
    record = RunRecord(
        command="pipeline download",
        config=identity_options(config),
        inputs=[{"name": "selection", "manifest_sha256": manifest_sha256(selection)}],
        algorithm=ALGORITHM_VERSION,
        paths={"selection": selection.url},
    )
    roots = image_roots(selection, config)
    report = None
    if start_run(shards, record):
        report = download_shards(selection, shards, config, beam_args, roots, number_shift(selection))
        finish_shards(shards, [selection], record.identity, config.max_failed_fraction)
    manifest = read_manifest(shards, "shards")
    print_summary(manifest, shards, report)
    return manifest


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


def shard_plans(selection: Folder, shift: int) -> list[ShardPlan]:
    """Return the plans of a finished selection, by number; `shift` as `number_shift` gives it."""
    found = [(_SHARD_FILE.fullmatch(record.name), record) for record in read_files(selection)]
    plans = [ShardPlan(int(match[1]), int(match[1]) - shift, selection.url, record) for match, record in found if match]
    return sorted(plans, key=_plan_number)


def _plan_number(plan: ShardPlan) -> int:
    return plan.number


def number_shift(first: Folder) -> int:
    """Return how far the numbers of a folder's shards are behind those of their plans, from its `first` selection.

    That is how many plans of earlier rounds, in other folders, brought no image.
    """
    numbers = read_manifest(first, "selection")["summary"].get("shards", {})
    return int(numbers.get("first", 0)) - int(numbers.get("before", numbers.get("first", 0)))


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
    if plans:
        build = functools.partial(
            _build, plans=plans, shards=shards.url, config=config, roots=tuple(sorted(roots.items()))
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


def _build(
    pipeline: beam.Pipeline,
    plans: list[ShardPlan],
    shards: str,
    config: DownloadConfig,
    roots: tuple[tuple[str, str], ...],
) -> None:
    _ = (
        pipeline
        | "CreateShardPlans" >> beam.Create(plans)
        | "SpreadShardPlans" >> beam.Reshuffle()  # else the plans stay fused on one worker
        | "MakeShards" >> beam.ParDo(MakeShard(shards, config, roots))
    )


def finish_shards(
    shards: Folder, selections: Sequence[Folder], identity: str, max_failed_fraction: float = 1.0
) -> dict[str, Any]:
    """Number the shards, write ``sizes.json``, the copies of the query tables and the manifest; return it.

    `selections` are the first selection and its refills, in order; the queries come from the first, their counts
    from the last. Raises FileNotFoundError when a plan is not done and ValueError when more than
    `max_failed_fraction` of the images were rejected, before anything is written.
    """
    shift = number_shift(selections[0])
    plans = [plan for selection in selections for plan in shard_plans(selection, shift)]
    done = finished_plans(shards)
    missing = [plan for plan in plans if plan.number not in done]
    if missing:
        raise FileNotFoundError(f"{shards.url}: shard {missing[0].name} is not finished; run the command again")
    counts = _counts([done[plan.number].unit.body for plan in plans])
    _check_failed(counts, max_failed_fraction)
    numbered = number_shards(shards, [done[plan.number] for plan in plans], plans[0].shard if plans else 0)
    files = [record for found in numbered for record in found.unit.files]
    sizes = {
        f"{shard_name(found.shard)}{TAR_SUFFIX}": found.unit.body.count("successes")
        for found in numbered
        if found.shard is not None
    }
    for name, source in zip(COPIED_TABLES, (selections[0], selections[-1]), strict=True):
        record = recorded(source, find_table(source, name))
        files.append(shards.write(tables_path(name), source.read_recorded(record), record.rows))
    files.append(shards.write_json(SIZES_FILE, sizes))
    summary = {
        **counts,
        "shards": len(sizes),
        "tar_bytes": sum(record.bytes for record in files if record.name.endswith(TAR_SUFFIX)),
        "selections": [
            {"manifest_sha256": manifest_sha256(folder), "summary": read_manifest(folder, "selection")["summary"]}
            for folder in selections
        ],
    }
    delete_strays(shards, numbered)
    shards.delete_temporaries()
    normal_form = normal_form_of(read_manifest(selections[0], "selection"))
    return write_manifest(
        shards, "shards", files, rows=counts["images_succeeded"], identity=identity, summary=summary,
        normal_form=normal_form,
    )  # fmt: skip


def _counts(bodies: Sequence[JsonObject]) -> dict[str, Any]:
    """Return what the plans' stats say together."""
    outcomes: Counter[str] = Counter()
    for body in bodies:
        outcomes.update(body.counts("outcomes"))
    return {
        "images_planned": sum(body.count("count") for body in bodies),
        "images_succeeded": outcomes[STATUS_SUCCESS],
        "outcomes": dict(sorted(outcomes.items())),
        "further_captions": sum(int(body.get("further_captions", 0)) for body in bodies),
        "plans_without_images": sum(not body.count("successes") for body in bodies),
        "body_bytes": sum(body.count("body_bytes") for body in bodies),
    }


def _check_failed(counts: Mapping[str, Any], max_failed_fraction: float) -> None:
    images, successes = counts["images_planned"], counts["images_succeeded"]
    if images and (images - successes) / images > max_failed_fraction:
        most = dict(Counter(counts["outcomes"]).most_common())
        raise ValueError(
            f"{images - successes} of {images} images were rejected, more than max_failed_fraction "
            f"{max_failed_fraction}: {most}"
        )
