"""A shuffle of Arrow tables by way of files: the runner groups where the tables lie, not the tables.

Beam's local runner keeps what it groups in memory and copies it more than ten times on its way from one worker process
to the next, all in the launcher. On one machine nothing need go that way:

    step -> Park -> (key, place) -> GroupByKey -> Fetch -> (key, tables), mapped from the files -> step

Only where all workers are on one machine: the local runner and the embedded Flink, whose batch jobs hang when a worker
gives more than 100 messages of 10 MB in one bundle, and a bundle there is all that a worker gets of a step.
"""

import mmap
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import apache_beam as beam
import pyarrow as pa

from pipeline.runners.runner import shares_disk
from schemas.storage import Folder

EXCHANGE = "exchange"
"""Folder of the files, in the output folder; what a killed run left there goes when a later one ends."""
_ALIGNMENT = 64
"""Tables begin at multiples of it: Arrow reads numbers where they lie."""

Place = tuple[str, int, int]
"""Where a table lies: file, offset, size."""


def exchange_root(output: Folder) -> str:
    """Return where the tables go: in the output when that is local, there must be room, else with temporary files."""
    return f"{output.root}/{EXCHANGE}" if output.local else tempfile.gettempdir()


@contextmanager
def exchange_folder(output: Folder, beam_args: Sequence[str]) -> Iterator[str | None]:
    """Give a folder for the tables of one job while the block runs; None where the runner is to shuffle them."""
    if not shares_disk(beam_args):
        yield None
        return
    root = exchange_root(output)
    os.makedirs(root, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="webimagetext-exchange-", dir=root)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if output.local:
            with suppress(OSError):  # another run of the same output uses it too
                os.rmdir(root)


def encode(table: pa.Table) -> pa.Buffer:
    """Return `table` as an Arrow IPC stream, not compressed: it is written once and read once, in place."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue()


class GroupTables(beam.PTransform):
    """(int, table) in, (int, tables) out: a GroupByKey, through the files of `folder` where there is one."""

    def __init__(self, folder: str | None) -> None:
        super().__init__()
        self._folder = folder

    def expand(self, tables: beam.PCollection) -> beam.PCollection:
        if self._folder is None:
            return tables | "Group" >> beam.GroupByKey()
        parked = tables | "Park" >> beam.ParDo(Park(self._folder)).with_output_types(tuple[int, Place])
        return parked | "Group" >> beam.GroupByKey() | "Fetch" >> beam.MapTuple(fetched)


class Park(beam.DoFn):
    """(key, table) in, (key, place) out. Each instance writes one file."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def setup(self) -> None:
        self._path = f"{self._folder}/{uuid.uuid4().hex}.arrow"
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._size = 0

    def process(self, element: tuple[int, pa.Table]) -> Iterator[tuple[int, Place]]:
        key, table = element
        encoded = encode(table)
        begin = self._size
        self._write(encoded)
        self._write(bytes(-len(encoded) % _ALIGNMENT))
        yield key, (self._path, begin, len(encoded))

    def _write(self, data: Any) -> None:
        rest = memoryview(data)
        while rest:
            try:
                written = os.write(self._file, rest)
            except OSError as error:
                raise OSError(error.errno, error.strerror, self._path) from error
            rest = rest[written:]
            self._size += written

    def teardown(self) -> None:
        os.close(self._file)


def fetched(key: int, places: Iterable[Place]) -> tuple[int, Iterable[pa.Table]]:
    """Return the tables at `places`, each mapped when it is asked for."""
    return key, _Tables(list(places))


class _Tables:
    """Tables in files."""

    def __init__(self, places: list[Place]) -> None:
        self._places = places

    def __iter__(self) -> Iterator[pa.Table]:
        mapped: dict[str, memoryview] = {}
        for path, begin, size in self._places:
            if path not in mapped:
                with open(path, "rb") as raw:
                    mapped[path] = memoryview(mmap.mmap(raw.fileno(), 0, prot=mmap.PROT_READ))
            yield pa.ipc.open_stream(pa.py_buffer(mapped[path][begin : begin + size])).read_all()
