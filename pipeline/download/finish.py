"""The end of a shards folder: finished shards in; numbers, ``sizes.json``, index, query tables, manifest out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.download.again.table_counts import MAY_HEAL
from pipeline.download.content.finish import finish_content
from pipeline.download.content.options import ContentOptions
from pipeline.download.policy.counts import summed
from pipeline.download.refusals import add_refusals
from pipeline.download.shard.index import index_tables
from pipeline.download.shard.numbering import PlanUnit, delete_strays, finished_plans, number_shards
from pipeline.download.shard.plan import number_shift, shard_plans
from pipeline.download.shard.sinks.files import tidy_files
from pipeline.download.shard.write import FORMAT
from schemas.json_object import JsonObject
from schemas.manifest import manifest_sha256, normal_form_of, read_manifest, recorded, write_manifest
from schemas.sample import STATUS_SUCCESS
from schemas.shard_index import INDEX_NAME, SHARD_INDEX
from schemas.shards_folder import SIZES_FILE, TABLE_SUFFIX, TAR_SUFFIX, shard_name
from schemas.storage import Folder
from schemas.tables import write_tables
from schemas.tables_dir import QUERIES_NAME, QUERY_COUNTS_NAME, find_table, tables_path

SUFFIXES = {"webdataset": TAR_SUFFIX, "files": "", "parquet": TABLE_SUFFIX}
"""Of what holds the images of a shard, by format."""

CARDS = {"webdataset": "shards", "files": "shards as files", "parquet": "shards as parquet"}
"""What ``README.md`` says, by format (`schemas.folder_card`)."""

COPIED_TABLES = (QUERIES_NAME, QUERY_COUNTS_NAME)


def finish_shards(
    shards: Folder,
    selections: Sequence[Folder],
    identity: str,
    max_failed_fraction: float = 1.0,
    content: ContentOptions | None = None,
) -> dict[str, Any]:
    """Number the shards, write ``sizes.json``, index, copies of the query tables and the manifest; return it.

    `selections` are the first selection and its refills, in order; the queries come from the first, their counts
    from the last. `content`: what else is looked for in the finished shards, None for nothing. Raises FileNotFoundError
    when a plan is not done and ValueError when more than `max_failed_fraction` of the images were rejected, before
    anything is written.
    """
    shift = number_shift(selections[0])
    plans = [plan for selection in selections for plan in shard_plans(selection, shift)]
    done = finished_plans(shards)
    missing = [plan for plan in plans if plan.number not in done]
    if missing:
        raise FileNotFoundError(f"{shards.url}: shard {missing[0].name} is not finished; run the command again")
    counts = counts_of([done[plan.number].unit.body for plan in plans])
    _check_failed(counts, max_failed_fraction)
    numbered = number_shards(shards, [done[plan.number] for plan in plans], plans[0].shard if plans else 0)
    files = [record for found in numbered for record in found.unit.files]
    output_format = output_format_of(numbered)
    sizes = {
        f"{shard_name(found.shard)}{SUFFIXES[output_format]}": found.unit.body.count("successes")
        for found in numbered
        if found.shard is not None
    }
    for name, source in zip(COPIED_TABLES, (selections[0], selections[-1]), strict=True):
        record = recorded(source, find_table(source, name))
        files.append(shards.write(tables_path(name), source.read_recorded(record), record.rows))
    files.append(shards.write_json(SIZES_FILE, sizes))
    tar_bytes = sum(record.bytes for record in files if record.name.endswith(TAR_SUFFIX))
    if output_format == "webdataset":
        files.append(write_tables(shards, tables_path(INDEX_NAME), index_tables(numbered), SHARD_INDEX))
    noted, found = finish_content(shards, numbered, content) if content is not None else ([], {})
    files += noted
    summary = {
        **counts,
        **found,
        "shards": len(sizes),
        FORMAT: output_format,
        "tar_bytes": tar_bytes,
        "stored_bytes": tar_bytes
        or sum(found.unit.body.count("stored_bytes") for found in numbered if found.shard is not None),
        "selections": [
            {"manifest_sha256": manifest_sha256(folder), "summary": read_manifest(folder, "selection")["summary"]}
            for folder in selections
        ],
    }
    delete_strays(shards, numbered)
    if output_format == "files":
        tidy_files(shards, [(found.shard, found.unit) for found in numbered])
    shards.delete_temporaries()
    normal_form = normal_form_of(read_manifest(selections[0], "selection"))
    return write_manifest(
        shards, "shards", files, rows=counts["images_succeeded"], identity=identity, summary=summary,
        normal_form=normal_form, card=CARDS[output_format],
    )  # fmt: skip


def output_format_of(plans: Sequence[PlanUnit]) -> str:
    """Return the format that the shards of `plans` are in; those of older versions, which do not tell, are tars."""
    return next((str(found.unit.body[FORMAT]) for found in plans if FORMAT in found.unit.body), "webdataset")


def counts_of(bodies: Sequence[JsonObject]) -> dict[str, Any]:
    """Return what the plans' stats say together."""
    outcomes: Counter[str] = Counter()
    profiles: Counter[str] = Counter()
    for body in bodies:
        profiles.update(body.counts("colour_profiles") if "colour_profiles" in body else {})
        outcomes.update(body.counts("outcomes"))
    return {
        "images_planned": sum(body.count("count") for body in bodies),
        "images_succeeded": outcomes[STATUS_SUCCESS],
        "outcomes": dict(sorted(outcomes.items())),
        "policy": summed(bodies),
        "further_captions": sum(int(body.get("further_captions", 0)) for body in bodies),
        "plans_without_images": sum(not body.count("successes") for body in bodies),
        "body_bytes": sum(body.count("body_bytes") for body in bodies),
        "refused": add_refusals(bodies),
        "colour_profiles": dict(sorted(profiles.items())),
        MAY_HEAL: sum(body.count(MAY_HEAL) for body in bodies if MAY_HEAL in body),
    }


def _check_failed(counts: Mapping[str, Any], max_failed_fraction: float) -> None:
    images, successes = counts["images_planned"], counts["images_succeeded"]
    if images and (images - successes) / images > max_failed_fraction:
        most = dict(Counter(counts["outcomes"]).most_common())
        healing = (
            f"; {counts[MAY_HEAL]} may heal: finish with --max-failed-fraction 1, then ask again by --retry-failed"
        )
        raise ValueError(
            f"{images - successes} of {images} images were rejected, more than max_failed_fraction "
            f"{max_failed_fraction}: {most}{healing if counts[MAY_HEAL] else ''}"
        )
