"""`pipeline download`: the graph, what is left to do, and the end of a shards folder."""

import functools
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam

from pipeline.download.config import NOT_IDENTITY, DownloadConfig
from pipeline.download.fetch_report import FetchReport
from pipeline.download.plan import ShardPlan
from pipeline.download.runtime import close_runtimes
from pipeline.download.shard import STATS_SUFFIX
from pipeline.download.summary import print_summary
from pipeline.download.transforms import MakeShard
from pipeline.fork_server import prepare_workers
from pipeline.progress import UnitProgress
from pipeline.runner import run_pipeline
from pipeline.units import read_unit, whole_units
from schemas.manifest import manifest_sha256, read_files, read_manifest, write_manifest
from schemas.run_record import RunRecord, config_parts, read_run, start_run
from schemas.sample import STATUS_SUCCESS, shard_name
from schemas.side_tables import QUERIES_NAME, QUERY_COUNTS_NAME, find_side_table, side_table
from schemas.storage import FileRecord, Folder
from schemas.tables import read_table

ALGORITHM_VERSION = "2"

SIZES_FILE = "sizes.json"
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
        config=config_parts(config, NOT_IDENTITY),
        inputs=[{"name": "selection", "manifest_sha256": manifest_sha256(selection)}],
        algorithm=ALGORITHM_VERSION,
        paths={"selection": selection.url},
    )
    roots = image_roots(selection, config)
    report = None
    if start_run(shards, record):
        report = download_shards(selection, shards, config, beam_args, roots)
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
    for plan in shard_plans(selection)[:1]:
        references = read_table(selection, plan.file, columns=["image_ref"])["image_ref"]
        return bool(references.null_count < len(references))
    return False


def shard_plans(selection: Folder) -> list[ShardPlan]:
    """Return the plans of a finished selection, by shard number."""
    found = [(_SHARD_FILE.fullmatch(record.name), record.name) for record in read_files(selection)]
    plans = [ShardPlan(int(match[1]), selection.url, name) for match, name in found if match]
    return sorted(plans, key=_shard_number)


def _shard_number(plan: ShardPlan) -> int:
    return plan.shard


def download_shards(
    selection: Folder,
    shards: Folder,
    config: DownloadConfig,
    beam_args: Sequence[str],
    roots: Mapping[str, str],
) -> FetchReport:
    """Make the shards of `selection` that `shards` does not have yet. Call again to resume."""
    start = time.monotonic()
    done = set(whole_units(shards, "", STATS_SUFFIX))
    plans = [plan for plan in shard_plans(selection) if f"{plan.name}{STATS_SUFFIX}" not in done]
    if plans:
        build = functools.partial(
            _build, plans=plans, shards=shards.url, config=config, roots=tuple(sorted(roots.items()))
        )
        try:
            with UnitProgress(shards, "", STATS_SUFFIX, len(done) + len(plans), "download"):
                run_pipeline(build, beam_args)
        finally:
            close_runtimes()
    units = [read_unit(shards, f"{plan.name}{STATS_SUFFIX}") for plan in plans]
    bodies = [unit.body for unit in units if unit is not None]
    return FetchReport(
        shards=len(bodies),
        images=sum(body["count"] for body in bodies),
        successes=sum(body["successes"] for body in bodies),
        body_bytes=sum(body["body_bytes"] for body in bodies),
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
    """Write ``sizes.json``, the copies of the query tables and the manifest over complete shards; return it.

    `selections` are the first selection and its refills, in order; the queries come from the first, their counts
    from the last. Raises FileNotFoundError when a shard is missing and ValueError when more than
    `max_failed_fraction` of the images were rejected, before the manifest is written.
    """
    files: list[FileRecord] = []
    sizes: dict[str, int] = {}
    outcomes: Counter[str] = Counter()
    images = body_bytes = 0
    for plan in [plan for selection in selections for plan in shard_plans(selection)]:
        unit = read_unit(shards, f"{plan.name}{STATS_SUFFIX}")
        if unit is None:
            raise FileNotFoundError(f"{shards.url}: shard {plan.name} is not finished; run the command again")
        files.extend(unit.files)
        sizes[f"{shard_name(plan.shard)}.tar"] = int(unit.body["successes"])
        outcomes.update(unit.body["outcomes"])
        images += int(unit.body["count"])
        body_bytes += int(unit.body["body_bytes"])
    successes = outcomes[STATUS_SUCCESS]
    if images and (images - successes) / images > max_failed_fraction:
        raise ValueError(
            f"{images - successes} of {images} images were rejected, more than max_failed_fraction "
            f"{max_failed_fraction}: {dict(outcomes.most_common())}"
        )
    for name, source in zip(COPIED_TABLES, (selections[0], selections[-1]), strict=True):
        found = find_side_table(source, name)
        rows = {record.name: record.rows for record in read_files(source)}
        files.append(shards.write(side_table(name), source.read(found), rows.get(found, 0)))
    files.append(shards.write_json(SIZES_FILE, sizes))
    summary = {
        "images_planned": images,
        "images_succeeded": successes,
        "outcomes": dict(sorted(outcomes.items())),
        "shards": len(sizes),
        "tar_bytes": sum(record.bytes for record in files if record.name.endswith(".tar")),
        "body_bytes": body_bytes,
        "selections": [
            {"manifest_sha256": manifest_sha256(folder), "summary": read_manifest(folder, "selection")["summary"]}
            for folder in selections
        ],
    }
    shards.delete_temporaries()
    return write_manifest(shards, "shards", files, rows=successes, identity=identity, summary=summary)
