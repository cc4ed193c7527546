"""Comparing lists: what is read from each kind of list, sets and ranks against a naive reckoning."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.compare.compare import ABSENT, compare, compare_texts, rank_correlation
from querygen.compare.listed_texts import read_texts
from querygen.config import CompareConfig
from schemas.text import normal_form
from tests.support.queries import Counts, make_queries_folder
from tests.support.small_lists import COMPARED


def write_json(path: Path, value: object) -> str:
    path.write_text(json.dumps(value))
    return str(path)


TEXTS = st.lists(st.sampled_from(["Dog", "dog", "cat", "CAT", "red fox", "a", "b", "c", "d", "e", "!"]), max_size=14)


@settings(max_examples=40, deadline=None)
@given(left=TEXTS, right=TEXTS)
def test_sets_are_those_of_python(tmp_path: Path, left: list[str], right: list[str]) -> None:
    a = read_texts(write_json(tmp_path / "a.json", left), exact=False)
    b = read_texts(write_json(tmp_path / "b.json", right), exact=False)
    found = compare_texts(a, b, num_samples=99, seed=1)
    set_a, set_b = ({normal_form(text) for text in texts} - {""} for texts in (left, right))
    assert (found["both"], found["union"]) == (len(set_a & set_b), len(set_a | set_b))
    assert found["jaccard"] == (round(len(set_a & set_b) / len(set_a | set_b), 6) if set_a | set_b else None)
    assert set(found["only_in_a"]["list"]) == set_a - set_b
    assert set(found["only_in_b"]["list"]) == set_b - set_a
    assert found["overlap"]["list"] == {"list": len(set_a & set_b), ABSENT: len(set_a - set_b)}
    assert found["overlap"][ABSENT] == {"list": len(set_b - set_a), ABSENT: 0}
    assert found["a"]["entries"] == found["a"]["distinct"] + found["a"]["duplicates"] + found["a"]["wordless"]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=20))
def test_kendall_counts_pairs(pairs: list[tuple[int, int]]) -> None:
    left, right = (np.array(side, dtype=np.float64) for side in zip(*pairs, strict=True))
    found = rank_correlation(left, right)
    signs = [(np.sign(a[0] - b[0]), np.sign(a[1] - b[1])) for a, b in combinations(pairs, 2)]
    untied = [sum(sign[k] != 0 for sign in signs) for k in (0, 1)]
    if 0 in untied:
        assert found == {"spearman": None, "kendall": None}
    else:
        expected = sum(x * y for x, y in signs) / np.sqrt(untied[0] * untied[1])
        assert found["kendall"] == pytest.approx(expected, abs=2e-6)
        ranks = [np.array([(side < value).sum() + (side <= value).sum() for value in side]) for side in (left, right)]
        assert found["spearman"] == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=2e-6)


def test_two_folders_by_source(tmp_path: Path) -> None:
    a = make_queries_folder(tmp_path / "a", COMPARED)
    other = Counts(
        words={"dog": 30, "cat": 25, "red": 40, "owl": 10}, bigrams={("red", "dog"): 30},
        titles={"new york": 9, "red fox": 8}, heads={"zoo": 1},
    )  # fmt: skip
    b = make_queries_folder(tmp_path / "b", other)
    found = compare(CompareConfig(a=a.url, b=b.url))
    assert found["sources"]["word"] == {
        "in_a": 4, "of_a_in_other": 3, "share_of_a": 0.75, "in_b": 4, "of_b_in_other": 3, "share_of_b": 0.75,
        "both": 3, "jaccard": 0.6,
    }  # fmt: skip
    assert found["sources"]["bigram"] | {"share_of_a": 0, "share_of_b": 0} == {
        "in_a": 1, "of_a_in_other": 1, "in_b": 1, "of_b_in_other": 0, "both": 0, "jaccard": 0.0,
        "share_of_a": 0, "share_of_b": 0,
    }  # fmt: skip
    assert found["overlap"]["bigram"] == {"word": 0, "bigram": 0, "title": 1, "synset": 0, ABSENT: 0}
    assert found["overlap"][ABSENT] == {"word": 1, "bigram": 1, "title": 0, "synset": 0, ABSENT: 0}
    assert found["only_in_a"] == {"word": ["fox"], "bigram": [], "title": [], "synset": []}
    assert found["only_in_b"] == {"word": ["owl"], "bigram": ["red dog"], "title": [], "synset": []}
    by = {(row["by"], row["source"]): row for row in found["rank_correlation"]}
    # dog 20 cat 15 red 12 against dog 30 cat 25 red 40: one pair of three in one order
    assert by["count", "word"] == {"by": "count", "source": "word", "texts": 3, "spearman": -0.5, "kendall": -0.333333}
    assert by["order", None]["texts"] == 6
    assert by["views", None]["texts"] == 1
    assert by["views", None]["kendall"] is None


def test_only_one_side_knows_sources(tmp_path: Path) -> None:
    folder = make_queries_folder(tmp_path / "a", COMPARED)
    found = compare(CompareConfig(a=write_json(tmp_path / "m.json", ["Dog", "New York", "owl"]), b=folder.url))
    assert found["sources"]["title"] == {"in_b": 2, "of_b_in_other": 2, "share_of_b": 1.0}
    assert found["overlap"]["list"] == {"word": 1, "bigram": 0, "title": 1, "synset": 0, ABSENT: 1}


def test_samples_depend_on_seed_not_on_order(tmp_path: Path) -> None:
    texts = [f"word{i}" for i in range(200)]
    none = write_json(tmp_path / "none.json", [])
    sampled = {}
    for name, listed in (("forward", texts), ("backward", texts[::-1])):
        path = write_json(tmp_path / f"{name}.json", listed)
        for seed in (0, 1):
            found = compare(CompareConfig(a=path, b=none, samples=5, seed=seed))
            sampled[name, seed] = found["only_in_a"]["list"]
    assert sampled["forward", 0] == sampled["backward", 0]
    assert len(set(sampled["forward", 0])) == 5
    assert sampled["forward", 0] != sampled["forward", 1]
