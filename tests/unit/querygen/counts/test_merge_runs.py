"""Merged runs: equal to a naive count of all pages, however the pages were dealt to runs."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.counts.merge_runs import MergedCounts, merge_runs, num_steps
from querygen.counts.merge_words import merge_sorted, order_by_count, sum_equal
from querygen.counts.ngrams import NgramCounter
from querygen.counts.run_codec import BROKEN, MAX_BYTES_PER_PAIR, decode_heads, decode_pairs, encode_heads, encode_pairs
from querygen.counts.runs import (
    NUM_PARTITIONS,
    NUM_RANGES,
    BigramReader,
    RunName,
    SurfaceReader,
    read_surfaces,
    write_run,
)
from querygen.text.wikitext import TextExtractor
from querygen.wiki.units import open_pages, plan_units
from schemas.query import BIGRAM_COUNTS, WORD_COUNTS
from schemas.storage import Folder
from tests.demo.dump_sample import dump_sample
from tests.support.naive_counts import naive_counts, naive_rows

WORDS = st.sampled_from(
    ["the", "The", "THE", "dog", "Dog", "dog's", "cat", "Cat", "é", "É", "straße", "STRASSE", "½", "."]
)
PAGES = st.lists(st.lists(WORDS, max_size=25).map(" ".join), max_size=8)

counter = NgramCounter(1 << 12)


def write_runs(folder: Path, pages: list[str], dealt: list[int]) -> list[RunName]:
    runs = []
    for number in sorted(set(dealt)) or [0]:
        for page, to in zip(pages, dealt, strict=True):
            if to == number:
                counter.add(np.frombuffer(page.encode(), np.uint8))
        write_run(Folder(str(folder)), f"{number}-00", counter.finish())
        runs.append((str(folder), f"{number}-00"))
    return runs


def rows(table: pa.Table) -> list[tuple[str, str, int]]:
    return [(row["text"], row["surface"], row["count"]) for row in table.to_pylist()]


def check(merged: MergedCounts, pages: list[str], word_floor: int, list_floor: int, bigram_floor: int) -> None:
    wanted_words, wanted_bigrams = naive_counts(pages)
    totals = {text: total for text, _, total in naive_rows(wanted_words)}
    assert merged.words.schema.remove_metadata() == WORD_COUNTS
    assert merged.bigrams.schema.remove_metadata() == BIGRAM_COUNTS
    assert rows(merged.words) == naive_rows(wanted_words, word_floor)
    listed = {text for text, total in totals.items() if total >= list_floor}
    of_listed = {text: spellings for text, spellings in wanted_bigrams.items() if set(text.split(" ")) <= listed}
    assert rows(merged.bigrams) == naive_rows(of_listed, bigram_floor)
    for row in merged.bigrams.to_pylist():
        first, second = row["text"].split(" ")
        assert (row["first_count"], row["second_count"]) == (totals[first], totals[second])
    assert (merged.num_words, merged.num_distinct_words) == (sum(totals.values()), len(totals))


@settings(max_examples=60, deadline=None)
@given(PAGES, st.data(), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
def test_merged_counts_equal_a_naive_count(
    pages: list[str], data: st.DataObject, word_floor: int, list_floor: int, bigram_floor: int
) -> None:
    dealt = [data.draw(st.integers(0, 3)) for _ in pages]
    told: list[int] = []
    with TemporaryDirectory() as folder:
        runs = write_runs(Path(folder), pages, dealt)
        merged = merge_runs(
            runs, word_floor=word_floor, bigram_word_floor=list_floor, bigram_floor=bigram_floor, progress=told.append
        )
    check(merged, pages, word_floor, list_floor, bigram_floor)
    assert sum(told) == num_steps(len(runs))


def test_two_processes_give_the_same(tmp_path: Path) -> None:
    pages = [" ".join(f"w{(i * j) % 97} Of w{i % 7}" for i in range(300)) for j in range(1, 9)]
    runs = write_runs(tmp_path, pages, [0, 1, 2, 3] * 2)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        merged = merge_runs(runs, word_floor=1, bigram_word_floor=2, bigram_floor=2, pool=pool)
    check(merged, pages, 1, 2, 2)


def test_a_run_reads_back_by_partition(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    counter.add(np.frombuffer(" ".join(f"w{i % 500} w{i % 3}" for i in range(5000)).encode(), np.uint8))
    run = counter.finish()
    write_run(folder, "r", run)
    ranges = list(read_surfaces((str(tmp_path), "r")))
    assert len(ranges) == NUM_RANGES
    for name in ("word_hash", "count", "size", "data"):
        assert np.array_equal(np.concatenate([getattr(surfaces, name) for surfaces in ranges]), getattr(run, name))
    for number, surfaces in enumerate(ranges):
        assert (surfaces.word_hash >> np.uint64(58) == number).all()
        for max_bytes in (0, 1 << 30):
            reader = SurfaceReader(number, max_bytes)
            first, again = reader.read((str(tmp_path), "r")), reader.read((str(tmp_path), "r"))
            assert (first is again) == (max_bytes > 0)
            assert np.array_equal(again.word_hash, surfaces.word_hash)
    everything = np.arange(len(run.word_hash), dtype=np.int32)
    pairs = (run.first.astype(np.uint64) << np.uint64(32)) | run.second
    with BigramReader(folder, "r") as reader:
        parts = [reader.read(p, p + 1, everything)[0] for p in range(NUM_PARTITIONS)]
        keys, counts = reader.read(0, NUM_PARTITIONS, everything)
        some = np.where(everything % 2 == 0, everything, -1).astype(np.int32)
        of_even, _ = reader.read(0, NUM_PARTITIONS, some)
    assert np.array_equal(keys, pairs)
    assert np.array_equal(counts, run.counts)
    assert np.array_equal(of_even, pairs[(run.first % 2 == 0) & (run.second % 2 == 0)])
    for partition, part in enumerate(parts):
        assert (run.word_hash[part >> np.uint64(32)] >> np.uint64(56) == partition).all()
    assert sum(map(len, parts)) == len(pairs)


PAIRS = st.dictionaries(
    st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1)), st.integers(1, 2**32 - 1), max_size=50
)


@given(PAIRS, st.integers(1, 3))
def test_pairs_survive_packing(counted: dict[tuple[int, int], int], shift: int) -> None:
    summed: dict[tuple[int, int], int] = {(a >> 10 * shift, b >> 10 * shift): n for (a, b), n in counted.items()}
    pairs = sorted(summed)
    first, second = (np.array([pair[k] for pair in pairs], np.uint32) for k in (0, 1))
    room = np.empty(MAX_BYTES_PER_PAIR * len(pairs), np.uint8)
    used = encode_pairs(first, second, np.array([summed[p] for p in pairs], np.uint32), 0, len(pairs), room)
    numbers = np.unique(np.concatenate([first, second]))
    whole = np.full(int(numbers[-1]) + 1 if len(numbers) else 0, -1, np.int32)
    whole[numbers] = np.arange(len(numbers))
    keys, counts = np.empty(len(pairs), np.uint64), np.empty(len(pairs), np.int64)
    assert decode_pairs(room[:used], whole, keys, counts) == len(pairs)
    unpacked = [(int(numbers[key >> 32]), int(numbers[key & 0xFFFFFFFF])) for key in keys.tolist()]
    assert dict(zip(unpacked, counts.tolist(), strict=True)) == summed


SORTED = st.lists(st.integers(0, 50), max_size=30).map(lambda values: np.array(sorted(values), np.uint64))


@given(SORTED, SORTED)
def test_merging_sums_equal_keys(left: np.ndarray, right: np.ndarray) -> None:
    sums = [sum_equal(keys, np.ones(len(keys), np.int64)) for keys in (left, right)]
    keys, counts = merge_sorted(*sums[0], *sums[1])
    wanted, wanted_counts = np.unique(np.concatenate([left, right]), return_counts=True)
    assert keys.tolist() == wanted.tolist()
    assert counts.tolist() == wanted_counts.tolist()


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.text(alphabet="ab\u0101\U0001f600", max_size=12)), max_size=30, unique=True
    )
)
def test_order_is_by_count_then_text(rows: list[tuple[int, str]]) -> None:
    order = order_by_count(
        np.array([row[0] for row in rows], np.int64), pa.array([row[1] for row in rows], pa.large_string())
    )
    assert [rows[i] for i in order] == sorted(rows, key=lambda row: (-row[0], row[1].encode()))


def test_counts_of_real_articles_equal_a_naive_count(tmp_path: Path) -> None:
    (unit,) = plan_units([str(dump_sample())], 1 << 30)
    extractor = TextExtractor(unit.header.site)
    articles = [page for page in open_pages(unit) if page.namespace == 0 and page.redirect is None]
    texts = [extractor.extract(page.text)[0] for page in articles[::4]]
    check(
        merge_runs(
            write_runs(tmp_path, texts, [number % 3 for number in range(len(texts))]),
            word_floor=1, bigram_word_floor=3, bigram_floor=2,
        ),
        texts, 1, 3, 2,
    )  # fmt: skip


def test_packed_counts_that_were_changed_lead_nowhere() -> None:
    pairs = [(first, second, count) for first in range(0, 300, 7) for second, count in ((1, 5), (200, 70_000))]
    first, second, counts = (np.array(column, np.uint32) for column in zip(*pairs, strict=True))
    room = np.empty(MAX_BYTES_PER_PAIR * len(pairs), np.uint8)
    packed = room[: encode_pairs(first, second, counts, 0, len(pairs), room)].copy()
    numbers = np.arange(300, dtype=np.int32)
    for place in range(len(packed)):
        for value in (0, 1, 127, 128, 255):
            changed = packed.copy()
            changed[place] = value
            keys, found = np.full(len(pairs) + 1, 7, np.uint64), np.full(len(pairs) + 1, 7, np.int64)
            rows = decode_pairs(changed, numbers, keys[: len(pairs)], found[: len(pairs)])
            assert BROKEN <= rows <= len(pairs)
            assert (keys[-1], found[-1]) == (7, 7)  # what is behind the room is not written to
    heads = np.empty(100, np.uint8)
    used = encode_heads(np.array([3, 300, 5], np.uint16), np.array([1, 1, 1 << 31], np.uint32), 0, 3, heads)
    sizes, numbers_of = np.empty(3, np.uint16), np.empty(3, np.uint32)
    assert decode_heads(heads[:used], 300, sizes, numbers_of) == 308
    for wrong, most in ((heads[: used - 1], 300), (heads[: used + 1], 300), (heads[:used], 299)):
        assert decode_heads(wrong, most, sizes, numbers_of) == BROKEN
