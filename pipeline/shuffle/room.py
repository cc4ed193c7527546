"""Whether a shuffle has room here, told before it starts: an estimate in, nothing or a ValueError out."""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence

from pipeline.runners.config import RunnerOptions
from pipeline.runners.flink.version import EMBEDDED
from pipeline.runners.machine import available_bytes, available_cores
from pipeline.runners.runner import flink_parallelism, is_local, shares_disk
from pipeline.shuffle.estimate import ShuffleEstimate
from pipeline.shuffle.exchange import exchange_root
from schemas.storage import Folder

MAX_MEMORY_FRACTION = 0.6
"""Of the available memory; the rest is for the query list, the other worker processes and the estimate's error."""

FLINK_BUNDLE_BYTES = 1_000_000_000
"""Of tables that one parallel piece of a batch job on Flink may give. Beam's job server reads what a worker gives when
the bundle, all elements of the piece, is done, and holds back the worker after 100 messages of at least 10 MB: 1 GB, of
coded tables, which are smaller than ours."""

MAX_DISK_FRACTION = 0.9
"""Of the free disk; the output needs some too."""


def check_room(
    job: str, estimate: ShuffleEstimate, options: RunnerOptions, output: Folder, beam_args: Sequence[str],
    available: int | None = None, free: int | None = None,
) -> None:  # fmt: skip
    """Raise ValueError when the shuffle of `job` would take too much memory, disk, or too much of a Flink worker.

    Says nothing on Dataflow and Spark, with ``--force``, or where the system does not tell what it has. `available` and
    `free` stand in for what the system tells of memory and of the disk of `output`.
    """
    if options.force:
        return
    if not shares_disk(beam_args):
        lack = _lack_of_pieces(estimate, flink_parallelism(beam_args))
    else:
        lack = _lack_of_disk(estimate, output, _free_disk(output) if free is None else free)
        if not lack and is_local(beam_args):
            lack = _lack_of_memory(estimate, available_bytes() if available is None else available)
    if lack:
        raise ValueError(
            f"{job}: shuffling {estimate.rows} pairs needs about {lack} (or start it all the same with --force)"
        )


def _lack_of_pieces(estimate: ShuffleEstimate, pieces: int | None) -> str:
    """Return what `pieces` parallel pieces on a Flink cluster (None: another runner) lack; empty: nothing."""
    wanted = -(-estimate.shuffled_bytes // FLINK_BUNDLE_BYTES)
    if pieces is None or wanted <= pieces:
        return ""
    return (
        f"--parallelism={wanted} on Flink, found {pieces}: a piece of more than {_gigabytes(FLINK_BUNDLE_BYTES)} makes "
        "a batch job hang; give the cluster as many slots"
    )


def _lack_of_disk(estimate: ShuffleEstimate, output: Folder, free: int) -> str:
    """Return what a disk of `free` bytes lacks for the tables of the shuffle; empty: nothing."""
    if estimate.shuffled_bytes <= MAX_DISK_FRACTION * free:
        return ""
    return (
        f"{_gigabytes(estimate.shuffled_bytes)} of disk in {output.url}, more than {MAX_DISK_FRACTION:.0%} of the "
        f"{_gigabytes(free)} free; make room there"
    )


def _lack_of_memory(estimate: ShuffleEstimate, available: int | None) -> str:
    """Return what `available` bytes of memory (None: not known) lack on Beam's local runner; empty: nothing."""
    if available is None or estimate.peak_bytes <= MAX_MEMORY_FRACTION * available:
        return ""
    return (
        f"{_gigabytes(estimate.peak_bytes)} of memory on Beam's local runner, more than {MAX_MEMORY_FRACTION:.0%} of "
        f"the {_gigabytes(available)} available; use the embedded Flink, which spills to disk and goes on from here: "
        f"{flink_command()}"
    )


def _free_disk(output: Folder) -> int:
    """Return the free bytes where the tables of a shuffle go."""
    folder = output.root if output.local else exchange_root(output)
    os.makedirs(folder, exist_ok=True)
    return shutil.disk_usage(folder).free


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def flink_command(arguments: Sequence[str] | None = None) -> str:
    """Return the command line of this process with the embedded Flink in place of its Beam options."""
    found = list(sys.argv if arguments is None else arguments)
    program = os.path.basename(found[0])
    words = ["pipeline"] if program == "pipeline" else ["python", "-m", "pipeline"]
    ours = found[1 : found.index("--")] if "--" in found else found[1:]
    flink = ["--runner=FlinkRunner", "--flink_master=[local]", f"--flink_version={EMBEDDED}"]
    flink.append(f"--parallelism={available_cores()}")
    return shlex.join([*words, *ours, "--", *flink])
