"""How much memory a shuffle needs on Beam's local runner, told before it starts.

In: the Parquet files or Arrow streams whose rows are shuffled. Out: nothing, or a ValueError with the command for the
embedded Flink, which spills to disk.
"""

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.memory import available_bytes, available_cores
from pipeline.runner import is_local
from pipeline.runner_config import RunnerOptions
from pipeline.tables import MAX_ELEMENT_ROWS, ArrowTableCoder, bounded
from schemas.storage import FileRecord, Folder
from schemas.tables import read_stream

MAX_MEMORY_FRACTION = 0.6
"""Of the available memory; the rest is for the query list, the other worker processes and the estimate's error."""

LOCAL_COPIES = 4.8
WORKING_BYTES = 100 << 20
"""Peak = WORKING_BYTES + LOCAL_COPIES x shuffled bytes. The runner holds the encoded elements by key, then once more
as the stream to the next step; what one partition takes decoded does not grow with the input. Measured in
``tests/bench``; see also `tests/unit/pipeline/test_shuffle_estimate.py`."""

SAMPLED_FILES = 4


@dataclass(frozen=True, kw_only=True)
class ShuffleEstimate:
    """What a shuffle is expected to take."""

    rows: int
    shuffled_bytes: int
    """As coded between the steps."""

    @property
    def peak_bytes(self) -> int:
        """Memory on Beam's local runner beyond what the command takes before the shuffle."""
        return int(WORKING_BYTES + LOCAL_COPIES * self.shuffled_bytes) if self.rows else 0


def estimate_shuffle(
    folder: Folder, files: Sequence[FileRecord], num_partitions: int, max_rows: int | None = None
) -> ShuffleEstimate:
    """Estimate the shuffle of the rows of `files` (at most `max_rows` of them) by `num_partitions` keys.

    Reads the first rows of a few files and codes them as the step would: in pieces of a file's share of a partition,
    because small pieces compress worse.
    """
    full = [record for record in files if record.rows]
    rows = sum(record.rows for record in full)
    if not rows:
        return ShuffleEstimate(rows=0, shuffled_bytes=0)
    step = max(1, len(full) // SAMPLED_FILES)
    coded = sampled = 0
    for record in full[::step][:SAMPLED_FILES]:
        table = _first_rows(folder, record.name, MAX_ELEMENT_ROWS)
        piece_rows = max(1, min(len(table), record.rows // num_partitions))
        for piece in bounded(table.slice(0, piece_rows)):
            coded += len(ArrowTableCoder().encode(piece))
            sampled += len(piece)
    shuffled = min(rows, max_rows) if max_rows is not None else rows
    return ShuffleEstimate(rows=shuffled, shuffled_bytes=coded * shuffled // max(1, sampled))


def _first_rows(folder: Folder, name: str, rows: int) -> pa.Table:
    if name.endswith(".arrow"):  # the parts of collect
        return next(read_stream(folder, name)).slice(0, rows)
    with folder.open(name) as raw:
        file = pq.ParquetFile(raw)
        batch = next(file.iter_batches(rows), None)
        return pa.Table.from_batches([batch]) if batch is not None else file.schema_arrow.empty_table()


def check_memory(
    job: str, estimate: ShuffleEstimate, options: RunnerOptions, beam_args: Sequence[str],
    available: int | None = None,
) -> None:  # fmt: skip
    """Raise ValueError when the shuffle of `job` would take too much memory on the local runner.

    Says nothing on other runners, with ``--force``, or where the system does not tell its memory. `available` stands in
    for what the system tells.
    """
    if options.force or not is_local(beam_args):
        return
    limit = available_bytes() if available is None else available
    if limit is None or estimate.peak_bytes <= MAX_MEMORY_FRACTION * limit:
        return
    raise ValueError(
        f"{job}: shuffling {estimate.rows} pairs needs about {_gigabytes(estimate.peak_bytes)} on Beam's local runner, "
        f"more than {MAX_MEMORY_FRACTION:.0%} of the {_gigabytes(limit)} available; use the embedded Flink, "
        f"which spills to disk and goes on from here: {flink_command()} (or start it all the same with --force)"
    )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def flink_command(arguments: Sequence[str] | None = None) -> str:
    """Return the command line of this process with the embedded Flink in place of its Beam options."""
    found = list(sys.argv if arguments is None else arguments)
    program = os.path.basename(found[0])
    words = ["pipeline"] if program == "pipeline" else ["python", "-m", "pipeline"]
    ours = found[1 : found.index("--")] if "--" in found else found[1:]
    flink = ["--runner=FlinkRunner", "--flink_master=[local]", f"--parallelism={available_cores()}"]
    return shlex.join([*words, *ours, "--", *flink])
