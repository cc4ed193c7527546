"""Dump files of any size made from a real sample: sizes in, multistream bz2 files as Wikimedia's out.

The header is a stream of its own, then come streams of `STREAM_PAGES` pages, then one of the closing tag. A smaller
file is the start of a larger one. Files are kept and used again: their folder is named by the hash of the first copy.
"""

import bz2
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from tests.bench.dump_pages import DumpSample
from tests.demo.dump_sample import dump_sample

STREAM_PAGES = 100
SEED = 4


@dataclass(frozen=True, kw_only=True)
class MadeDump:
    """A dump file that was made."""

    path: Path
    megabytes: int
    """Asked for."""
    xml_bytes: int


def bench_folder() -> Path:
    """Return the folder made files are kept in: $BENCH_FOLDER, else one of the temporary folder."""
    return Path(os.environ.get("BENCH_FOLDER") or Path(tempfile.gettempdir()) / "webimagetext-bench")


def make_dumps(megabytes: list[int]) -> list[MadeDump]:
    """Return a dump of at least each of `megabytes` (1e6 bytes of XML; a stream more at most), ascending."""
    key = hashlib.sha256(b"".join(packed for packed, _ in _streams(0))).hexdigest()[:12]
    folder = bench_folder() / f"dumps-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    sizes = sorted(set(megabytes))
    if not all((folder / f"{size}.json").is_file() for size in sizes):
        _write(folder, sizes)
    return [
        MadeDump(
            megabytes=size,
            path=folder / f"enwiki-made-{size}mb.xml.bz2",
            xml_bytes=json.loads((folder / f"{size}.json").read_text())["xml_bytes"],
        )
        for size in sizes
    ]


def _write(folder: Path, sizes: list[int]) -> None:
    """Write the files of `sizes` in one go, copies packed by all cores in order."""
    header, footer = _sample().header, _sample().footer
    files = {size: (folder / f"{size}.partial").open("wb") for size in sizes}
    written = dict.fromkeys(sizes, 0)

    def write(size: int, packed: bytes, num_bytes: int) -> None:
        files[size].write(packed)
        written[size] += num_bytes

    for size in sizes:
        write(size, bz2.compress(header), len(header))
    todo = list(sizes)
    with get_context("spawn").Pool() as pool:
        for packed, num_bytes in _in_order(pool.imap(_streams, range(sizes[-1] + 1))):
            for size in todo:
                write(size, packed, num_bytes)
            todo = [size for size in todo if written[size] + len(footer) < size * 1_000_000]
            if not todo:
                break
    for size in sizes:
        write(size, bz2.compress(footer), len(footer))
        files[size].close()
        (folder / f"{size}.partial").rename(folder / f"enwiki-made-{size}mb.xml.bz2")
        (folder / f"{size}.json").write_text(json.dumps({"xml_bytes": written[size]}))


def _in_order(copies: Iterator[list[tuple[bytes, int]]]) -> Iterator[tuple[bytes, int]]:
    for streams in copies:
        yield from streams


def _streams(number: int) -> list[tuple[bytes, int]]:
    """Return the bz2 streams of copy `number`, each with the bytes of its XML."""
    pages = _sample().copy(number, SEED)
    streams = []
    while stream := b"".join(islice(pages, STREAM_PAGES)):
        streams.append((bz2.compress(stream), len(stream)))
    return streams


@cache
def _sample() -> DumpSample:
    return DumpSample(bz2.decompress(dump_sample().read_bytes()).decode())
