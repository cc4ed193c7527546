"""`pipeline filter`: features in; what is to be removed, and why, out. Two Beam jobs, the second for near-duplicates.

The launcher holds a sample of the features (`pipeline.similarity.clusters`), a byte a row and 8 a removed sample.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from apache_beam.utils.shared import Shared

from pipeline.runners.local.fork_server import prepare_workers
from pipeline.runners.progress import UnitProgress
from pipeline.runners.runner import run_pipeline
from pipeline.shuffle.elements import MAX_ELEMENT_ROWS
from pipeline.shuffle.estimate import ShuffleEstimate
from pipeline.shuffle.exchange import EXCHANGE, exchange_folder
from pipeline.shuffle.room import check_room
from pipeline.similarity.clusters import CLUSTERS_A_ROW, centroids, num_clusters, sample_rows
from pipeline.similarity.config import FilterConfig
from pipeline.similarity.finish import Found, finish_filter, measured_units
from pipeline.similarity.graph import measure_graph, near_graph
from pipeline.similarity.highest import kth_highest
from pipeline.similarity.inputs import FeatureFile, check_images, files_of, open_features, read_rows
from pipeline.similarity.measure import values_of_pairs
from pipeline.similarity.reasons import Rules
from pipeline.similarity.steps import (
    GATHERED_BYTES,
    MEASURED_DIR,
    NEAR_DIR,
    REFUSED,
    WITHOUT_TEXT,
    AssignFile,
    MeasureFile,
    WriteNear,
    write_near,
)
from schemas.feature_files import FeatureFiles
from schemas.filtered import KIND
from schemas.manifest import manifest_input, read_manifest
from schemas.run_options import identity_options
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from schemas.tables import read_stream
from schemas.units import whole_units

ALGORITHM_VERSION = "1"
"""Part of the identity: raise it whenever the same options and features would remove other samples."""

PARTITION_BYTES = 64 << 20
"""Of the features that a worker compares at a time, about: clusters are shared out to so many partitions."""

ROW_BYTES = 96
"""Of a row on its way to its clusters, beside its features."""


def run_filter(config: FilterConfig, beam_args: Sequence[str] = ()) -> dict[str, Any]:
    """Make the folder of `config` (or resume it) and return its manifest.

    Raises FileNotFoundError or ValueError for a folder that is none of features, lacks those that are needed, is of
    another model, or holds rows that are none, and `schemas.run_record.FolderConflict`.
    """
    prepare_workers(beam_args)
    source, evaluations = open_features(config.embeddings, config.evaluation, config.by_text)
    output = Folder(config.output)
    record = _record(config, source, evaluations)
    if not start_run(output, record):
        _delete_work(output)  # of another run of this output that ended later
        return read_manifest(output, KIND)
    files, evaluation_files = files_of(source), [files_of(found) for found in evaluations]
    _measure(config, files, _numbered(evaluation_files), output, beam_args)
    _check_refused(files, output)
    rules = _rules(config, files, output)
    clusters = partitions = 0
    if config.near_duplicate_similarity is not None:
        clusters = num_clusters(source.rows)
        partitions = _num_partitions(source, clusters)
        _find_near(config, source, files, rules, clusters, partitions, output, beam_args)
    found = Found(
        output=output, source=source, files=files, rules=rules, drop_unusable=config.without_features == "drop",
        num_partitions=partitions,
    )  # fmt: skip
    settings = {
        "near_duplicate_similarity": config.near_duplicate_similarity, "clusters": clusters,
        "evaluation_similarity": config.evaluation_similarity,
        "evaluation_images": sum(found.rows for found in evaluations), "model": source.model,
    }  # fmt: skip
    manifest = finish_filter(found, record, evaluation_files, settings)
    _delete_work(output)
    return manifest


def _record(config: FilterConfig, source: FeatureFiles, evaluations: Sequence[FeatureFiles]) -> RunRecord:
    named = [("embeddings", source), *((f"evaluation {number}", found) for number, found in enumerate(evaluations))]
    return RunRecord(
        command="pipeline filter",
        config=identity_options(config),
        inputs=[manifest_input(name, found.folder) for name, found in named],
        algorithm=ALGORITHM_VERSION,
        paths={name: found.folder.url for name, found in named},
    )


def _delete_work(output: Folder) -> None:
    for directory in (MEASURED_DIR, NEAR_DIR, EXCHANGE):
        output.delete(directory)


def _numbered(sets: Sequence[Sequence[FeatureFile]]) -> list[FeatureFile]:
    return [file for files in sets for file in files]


def _wanted(output: Folder, directory: str, count: int) -> frozenset[int]:
    """Return the units that are not finished in `directory`."""
    done = {unit.name for unit in whole_units(output, directory, ".json")}
    return frozenset(n for n in range(count) if f"{directory}/{n:05d}.json" not in done)


def _measure(
    config: FilterConfig, files: list[FeatureFile], evaluation: list[FeatureFile], output: Folder,
    beam_args: Sequence[str],
) -> None:  # fmt: skip
    """Run the first job over the files that are not measured yet."""
    wanted = _wanted(output, MEASURED_DIR, len(files))
    if not wanted:
        return
    check_images(evaluation)  # each worker reads them: what is wrong is told before
    step = MeasureFile(output.url, evaluation, config.evaluation_similarity, Shared())
    missing = [file for file in files if file.number in wanted]
    with UnitProgress(output, MEASURED_DIR, ".json", len(files), "measure: files"):
        run_pipeline(partial(measure_graph, files=missing, step=step), beam_args)


def _check_refused(files: list[FeatureFile], output: Folder) -> None:
    """Raise ValueError that names the first file that cannot be measured; all such are looked at again next time."""
    refused = [unit for unit in measured_units(output, files) if REFUSED in unit.body]
    for unit in refused:
        output.delete(unit.name)
    if refused:
        more = f"; and {len(refused) - 1:,} more of {len(files):,} files" if len(refused) > 1 else ""
        raise ValueError(f"{refused[0].body[REFUSED]}{more}")


def _rules(config: FilterConfig, files: list[FeatureFile], output: Folder) -> Rules:
    least = config.min_similarity
    if config.keep_fraction is not None:
        units = list(measured_units(output, files))
        pairs = sum(unit.files[0].rows - unit.body.count(WITHOUT_TEXT) for unit in units)
        if pairs:
            least = kth_highest(
                lambda: (
                    values_of_pairs(table)
                    for unit in units for table in read_stream(output, unit.files[0].name, unit.files[0])
                ),
                max(1, round(config.keep_fraction * pairs)),
            )  # fmt: skip
    return Rules(least=least, drop_without_text=config.by_text and config.without_features == "drop")


def _num_partitions(source: FeatureFiles, clusters: int) -> int:
    """Return into how many parts the clusters are shared out: stable for the same input."""
    return min(clusters, 1 + CLUSTERS_A_ROW * source.rows * 2 * source.width // PARTITION_BYTES)


def _find_near(
    config: FilterConfig, source: FeatureFiles, files: list[FeatureFile], rules: Rules, clusters: int, partitions: int,
    output: Folder, beam_args: Sequence[str],
) -> None:  # fmt: skip
    """Run the second job over the partitions that are not finished yet."""
    threshold = config.near_duplicate_similarity
    assert threshold is not None
    wanted = _wanted(output, NEAR_DIR, partitions)
    if not wanted:
        return
    check_room("near-duplicates", _estimate(source, files, partitions), config, output, beam_args)
    centroids_KE = centroids(read_rows(files, sample_rows(source.rows, clusters)), clusters)
    assign = AssignFile(output.url, rules, centroids_KE, partitions, wanted)
    write = WriteNear(output.url, source.width, threshold)
    with (
        exchange_folder(output, beam_args) as exchange,
        UnitProgress(output, NEAR_DIR, ".json", partitions, "near-duplicates: partitions"),
    ):
        run_pipeline(partial(near_graph, files=files, assign=assign, write=write, exchange=exchange), beam_args)
    for number in sorted(_wanted(output, NEAR_DIR, partitions)):  # partitions that got no row
        write_near(output, number, [], source.width, threshold)


def _estimate(source: FeatureFiles, files: list[FeatureFile], partitions: int) -> ShuffleEstimate:
    size = 2 * source.width + ROW_BYTES
    rows = CLUSTERS_A_ROW * source.rows
    cuts = sum(1 + CLUSTERS_A_ROW * file.record.rows * size // GATHERED_BYTES for file in files)
    tables = min(rows, cuts * partitions + rows // MAX_ELEMENT_ROWS)
    return ShuffleEstimate(rows=rows, shuffled_bytes=rows * size, tables=tables)
