"""Figures of the report: curves are the sorted values, samples and lengths of each source."""

import re

import numpy as np
import pytest

from querygen.explain.bigram_rank import bigram_rule
from querygen.explain.counts_file import CountsFile
from querygen.report.figures import (
    MAX_WORDS,
    TAKEABLE,
    lengths,
    listed_values,
    pmi_curve,
    samples,
    value_curve,
)
from schemas.manifest import read_manifest
from schemas.query import BIGRAM_COUNTS, QUERIES, TITLE_COUNTS, WORD_COUNTS
from schemas.storage import Folder
from schemas.tables import read_table


def test_curves_are_the_sorted_values(folder: Folder) -> None:
    words = CountsFile(folder, "counts/words.parquet", WORD_COUNTS)
    curve = value_curve("word", "count", words, "count", "stored", 4)
    assert (curve.num, curve.num_listed) == (5, 4)
    assert curve.points[1].tolist() == [100, 40, 40, 10, 9]
    assert curve.listed[1].tolist() == [100, 40, 40, 10]
    titles = CountsFile(folder, "counts/titles.parquet", TITLE_COUNTS)
    views = value_curve("title", "views", titles, "views", TAKEABLE, 3, least=7)
    assert views.points[1].tolist() == [9000, 50, 7]
    queries = read_table(folder, "queries.parquet", QUERIES)
    assert sorted(listed_values(queries, "bigram", "count").tolist()) == [5, 10, 30]
    rule = bigram_rule(words, read_manifest(folder, "queries")["summary"])
    found = pmi_curve(CountsFile(folder, "counts/bigrams.parquet", BIGRAM_COUNTS), rule, 2)
    assert found.points[1] == pytest.approx(np.log2([5 * 10_000 / 400, 30 * 10_000 / 4000, 10 * 10_000 / 1600]))
    assert (found.num, found.num_listed) == (3, 2)


def test_lengths_and_samples_are_of_the_owner(folder: Folder) -> None:
    queries = read_table(folder, "queries.parquet", QUERIES)
    by_source = {one.source: one for one in lengths(queries)}
    assert by_source["word"].words.tolist() == [4] + [0] * (MAX_WORDS - 1)
    assert by_source["bigram"].words.tolist() == [0, 3, 0, 0, 0, 0]
    assert (by_source["word"].max_characters, by_source["word"].mean_characters) == (4, 3.5)
    assert by_source["word"].characters[2:4].tolist() == [2, 2]
    found = samples(queries, 2, seed=5)
    assert samples(queries, 2, seed=5) == found
    assert any(samples(queries, 2, seed=seed) != found for seed in range(5))
    assert {source: len(rows) for source, rows in found.items()} == {"word": 2, "bigram": 2, "title": 2, "synset": 1}
    assert all(re.fullmatch(r"\w+ \w+", row["text"]) for row in found["bigram"])
