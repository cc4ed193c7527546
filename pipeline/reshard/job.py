"""`pipeline reshard`: the order, the graph, what is left to do, and the end of the folder."""

import functools
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pipeline.download.policy.counts import summed
from pipeline.reshard.config import ReshardConfig
from pipeline.reshard.finish import finish_reshard
from pipeline.reshard.graph import reshard_graph
from pipeline.reshard.inputs import SourceFolder, image_options, open_sources, source_inputs
from pipeline.reshard.plan import WORK_DIR, make_plan, plans_of
from pipeline.reshard.steps import made_unit
from pipeline.runners.local.fork_server import prepare_workers
from pipeline.runners.progress import UnitProgress
from pipeline.runners.runner import run_pipeline
from schemas.manifest import read_manifest
from schemas.run_options import identity_options
from schemas.run_record import RunRecord, start_run
from schemas.shards_folder import STATS_SUFFIX
from schemas.storage import Folder

ALGORITHM_VERSION = "1"


def run_reshard(config: ReshardConfig, beam_args: Sequence[str] = ()) -> tuple[dict[str, Any], float | None]:
    """Reshard the folders of `config`; return the manifest, and the seconds it took (None: finished before).

    Raises FileNotFoundError or ValueError for inputs that cannot be resharded, or `FolderConflict` when the output
    belongs to another run.
    """
    prepare_workers(beam_args)
    start = time.monotonic()
    sources = open_sources(config.shards, config.output)
    output = Folder(config.output)
    work = output.sub(WORK_DIR)
    record = RunRecord(
        command="pipeline reshard",
        config={**image_options(sources[0]), **identity_options(config)},
        inputs=source_inputs(sources),
        algorithm=ALGORITHM_VERSION,
        paths={"shards": [source.folder.url for source in sources]},
    )
    if not start_run(output, record):
        return read_manifest(output, "shards"), None
    planned = make_plan(work, sources, config.shuffle_seed)
    plans = plans_of(planned, config.samples_per_shard)
    left = [plan for plan in plans if made_unit(output, plan) is None]
    if left:
        build = functools.partial(reshard_graph, plans=left, output=output.url, work=work.url, sums=sums_of(sources))
        with UnitProgress(output, "", STATS_SUFFIX, len(plans), "reshard"):
            run_pipeline(build, beam_args)
    return finish_reshard(output, work, sources, plans, planned, record.identity), time.monotonic() - start


def sums_of(sources: Sequence[SourceFolder]) -> dict[str, Any]:
    """Return what the inputs' stats count that no table tells: bytes fetched, wishes, colour profiles."""
    bodies = [found.unit.body for source in sources for found in source.plans]
    profiles: Counter[str] = Counter()
    for body in bodies:
        profiles.update(body.counts("colour_profiles") if "colour_profiles" in body else {})
    return {
        "body_bytes": sum(body.count("body_bytes") for body in bodies),
        "policy": summed(bodies),
        "colour_profiles": dict(sorted(profiles.items())),
    }
