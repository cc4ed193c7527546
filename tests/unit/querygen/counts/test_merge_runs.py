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
from querygen.counts.ngrams import NgramCounter
from querygen.counts.runs import (
    RunName,
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
