"""Damaged packed files: what can be unpacked before the damage is read, the file is one rejection, others stay."""

import bz2
import gzip
import json
import lzma
import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from pipeline.sources import formats
from pipeline.sources.config import SourceOptions
from pipeline.sources.source import Broken
from pipeline.sources.tables.json_lines import json_schema
from pipeline.sources.tables.table_plan import kind_of

NUM_ROWS = 8_000


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def frame(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


PACKINGS = {".gz": gzipped, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": frame}


UNPACKERS: dict[str, Callable[[], Any]] = {
    ".gz": lambda: zlib.decompressobj(31),
    ".bz2": bz2.BZ2Decompressor,
    ".xz": lzma.LZMADecompressor,
    ".zst": lambda: zstandard.ZstdDecompressor().decompressobj(),
}


def table(kind: str) -> bytes:
    rows = [(f"http://a.example/{number}.jpg", f"a red cat {number * 7919 % 100_003}") for number in range(NUM_ROWS)]
    if kind == ".jsonl":
        return "".join(json.dumps({"url": url, "caption": text}) + "\n" for url, text in rows).encode()
    separator = {".csv": ",", ".tsv": "\t"}[kind]
    return "".join(f"{url}{separator}{text}\n" for url, text in [("url", "caption"), *rows]).encode()


def read(pattern: str) -> tuple[list[tuple[bytes, bytes]], list[str]]:
    source = formats.open_source(SourceOptions(input=pattern)).source
    pairs: list[tuple[bytes, bytes]] = []
    broken: list[str] = []
    for split in source.splits():
        for item in source.read(split):
            if isinstance(item, Broken):
                broken.append(item.reason)
            else:
                assert not isinstance(item, tuple)
                texts = (item[name].cast("binary").to_pylist() for name in ("url", "caption"))  # noise is no UTF-8
                pairs += zip(*texts, strict=True)
    return pairs, broken


def whole_rows_before(data: bytes, size: int) -> int:
    """Return how many rows end in the first `size` bytes of a table with or without a header."""
    return data[:size].count(b"\n") - (not data.startswith(b"{"))


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl"])
@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("place", [0.3, 0.6, 0.95])
def test_rows_before_the_end_of_a_cut_file_are_read(tmp_path: Path, kind: str, packing: str, place: float) -> None:
    data = table(kind)
    packed = PACKINGS[packing](data)
    cut = packed[: int(place * len(packed))]
    (tmp_path / f"a{kind}{packing}").write_bytes(cut)
    pairs, broken = read(str(tmp_path / f"a{kind}{packing}"))
    plain = UNPACKERS[packing]().decompress(cut)
    there = max(0, whole_rows_before(data, len(plain)))
    assert there - 30 <= len(pairs) <= there
    assert broken[-1:] == ["file_unreadable"]


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl"])
@pytest.mark.parametrize("packing", PACKINGS)
def test_damage_anywhere_ends_nothing_but_its_file(tmp_path: Path, kind: str, packing: str) -> None:
    packed = PACKINGS[packing](table(kind))
    choose = random.Random(f"{kind}{packing}")
    (tmp_path / "b.csv").write_text("url,caption\nhttp://b.example/1.jpg,good\n")
    for _ in range(6):
        damaged = bytearray(packed)
        damaged[choose.randrange(len(damaged))] ^= 1 << choose.randrange(8)
        (tmp_path / f"a{kind}{packing}").write_bytes(damaged)
        pairs, broken = read(f"{tmp_path}/a{kind}{packing},{tmp_path}/b.csv")
        assert (b"http://b.example/1.jpg", b"good") in pairs
        assert broken or len(pairs) == NUM_ROWS + 1


def test_a_flipped_bit_of_a_gz_costs_its_block(tmp_path: Path) -> None:
    data = table(".jsonl") * 10
    packed = bytearray(gzipped(data))
    packed[len(packed) * 9 // 10] ^= 0x10
    (tmp_path / "a.jsonl.gz").write_bytes(packed)
    pairs, broken = read(str(tmp_path / "a.jsonl.gz"))
    assert len(pairs) > 2 * NUM_ROWS
    assert broken[-1:] == ["file_unreadable"]


def test_a_peek_reads_no_further_than_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.files.byte_ranges.BLOCK_BYTES", 64 << 10)
    packed = bytearray(gzipped(table(".jsonl") * 6))
    packed[len(packed) * 3 // 4] ^= 0x10
    (tmp_path / "a.jsonl.gz").write_bytes(packed)
    assert json_schema(str(tmp_path / "a.jsonl.gz")).names == ["url", "caption"]


def test_a_question_mark_in_a_local_path_is_part_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "which one?" / "v?.csv.gz"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_bytes(table(".csv"))
    (folder / "b.csv.gz").write_bytes(gzipped(table(".csv")))
    (folder / "all.paths").write_text("\n".join(f"{folder}/{name}" for name in ("a.csv", "b.csv.gz")))
    for name in ("a.csv", "b.csv.gz"):
        assert (len(read(f"{folder}/{name}")[0]), read(f"{folder}/{name}")[1]) == (NUM_ROWS, [])
    assert len(read(f"{folder}/all.paths")[0]) == 2 * NUM_ROWS
    assert kind_of("https://host.example/t.parquet?X-Signature=a.csv") == ".parquet"
