"""What a shuffle needs on Beam's local runner, told before it starts: memory for places, disk for tables.

In: the Parquet files or Arrow streams whose rows are shuffled. Out: nothing, or a ValueError with the command for the
embedded Flink. Tables go through files there (`pipeline.exchange`); where each lies the runner keeps in memory.
"""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.exchange import encode, exchange_root
from pipeline.flink_version import EMBEDDED
from pipeline.memory import available_bytes, available_cores
from pipeline.runner import flink_parallelism, is_local, shares_disk
from pipeline.runner_config import RunnerOptions
from pipeline.tables import MAX_ELEMENT_ROWS
from schemas.candidate import candidate_schema
from schemas.storage import FileRecord, Folder
from schemas.stored_ids import from_stored
from schemas.tables import naming_damage, read_stream

MAX_MEMORY_FRACTION = 0.6
"""Of the available memory; the rest is for the query list, the other worker processes and the estimate's error."""

TABLE_BYTES = 600
"""The launcher's memory for the place of one table."""

SMALLEST_WORK, LARGEST_WORK, WORK_SHARE = 100 << 20, 800 << 20, 4
"""What two workers take for the partitions they cut and write: this many times what is shuffled, but bounded, because
a partition does not grow with the input. See ``make bench BENCH=shuffle``."""

FLINK_BUNDLE_BYTES = 1_000_000_000
"""Of tables that one parallel piece of a batch job on Flink may give. Beam's job server reads what a worker gives when
the bundle, all elements of the piece, is done, and holds back the worker after 100 messages of at least 10 MB: 1 GB, of
coded tables, which are smaller than ours."""

MAX_DISK_FRACTION = 0.9
"""Of the free disk; the output needs some too."""

SAMPLED_FILES = 4


@dataclass(frozen=True, kw_only=True)
class ShuffleEstimate:
    """What a shuffle is expected to take."""

    rows: int
    shuffled_bytes: int
    """Of the tables between the steps, not compressed: on the local runner, disk."""
    tables: int

    @property
    def peak_bytes(self) -> int:
        """Memory on Beam's local runner beyond what the command takes before the shuffle."""
        work = min(SMALLEST_WORK + WORK_SHARE * self.shuffled_bytes, LARGEST_WORK)
        return work + TABLE_BYTES * self.tables if self.rows else 0


def estimate_shuffle(
    folder: Folder, files: Sequence[FileRecord], num_partitions: int, gathered_bytes: int
) -> ShuffleEstimate:
    """Estimate the shuffle of the rows of `files` by `num_partitions` keys.

    A step cuts each file into partitions after every `gathered_bytes` of it. Reads the first rows of a few files.
    """
    full = [record for record in files if record.rows]
    rows = sum(record.rows for record in full)
    if not rows:
        return ShuffleEstimate(rows=0, shuffled_bytes=0, tables=0)
    step = max(1, len(full) // SAMPLED_FILES)
    coded = sampled = empty = 0
    for record in full[::step][:SAMPLED_FILES]:
        table = _first_rows(folder, record, MAX_ELEMENT_ROWS)
        table = table.select([name for name in table.schema.names if table[name].null_count < len(table)])
        empty = len(encode(table.slice(0, 0)))
        coded += len(encode(table)) - empty
        sampled += len(table)
    tables = 0
    for record in full:
        cuts = -(-coded * record.rows // (sampled * gathered_bytes))
        tables += min(record.rows, cuts * num_partitions + record.rows // MAX_ELEMENT_ROWS)
    return ShuffleEstimate(rows=rows, shuffled_bytes=coded * rows // max(1, sampled) + tables * empty, tables=tables)


def _first_rows(folder: Folder, record: FileRecord, rows: int) -> pa.Table:
    if record.name.endswith(".arrow"):  # the parts of collect
        return next(read_stream(folder, record.name)).slice(0, rows)
    with folder.open(record.name) as raw, naming_damage(folder, record):
        file = pq.ParquetFile(raw)
        batch = next(file.iter_batches(rows), None)
        found = pa.Table.from_batches([batch]) if batch is not None else file.schema_arrow.empty_table()
        return from_stored(found, candidate_schema())


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
    pairs = f"{job}: shuffling {estimate.rows} pairs needs about"
    forced = "(or start it all the same with --force)"
    if not shares_disk(beam_args):
        pieces = flink_parallelism(beam_args)
        if pieces is not None and estimate.shuffled_bytes > pieces * FLINK_BUNDLE_BYTES:
            wanted = -(-estimate.shuffled_bytes // FLINK_BUNDLE_BYTES)
            raise ValueError(
                f"{pairs} --parallelism={wanted} on Flink, found {pieces}: a piece of more than "
                f"{_gigabytes(FLINK_BUNDLE_BYTES)} makes a batch job hang; give the cluster as many slots {forced}"
            )
        return
    disk = _free_disk(output) if free is None else free
    if estimate.shuffled_bytes > MAX_DISK_FRACTION * disk:
        raise ValueError(
            f"{pairs} {_gigabytes(estimate.shuffled_bytes)} of disk in {output.url}, more than "
            f"{MAX_DISK_FRACTION:.0%} of the {_gigabytes(disk)} free; make room there {forced}"
        )
    memory = available_bytes() if available is None else available
    if is_local(beam_args) and memory is not None and estimate.peak_bytes > MAX_MEMORY_FRACTION * memory:
        raise ValueError(
            f"{pairs} {_gigabytes(estimate.peak_bytes)} of memory on Beam's local runner, more than "
            f"{MAX_MEMORY_FRACTION:.0%} of the {_gigabytes(memory)} available; use the embedded Flink, which spills to "
            f"disk and goes on from here: {flink_command()} {forced}"
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
