"""`pipeline explain` over a small candidates folder: every figure against the definition."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.balance.config import BalanceConfig
from pipeline.balance.job import run_balance
from pipeline.explain.config import ExplainConfig
from pipeline.explain.job import run_explain
from pipeline.explain.places import AskedMatches
from pipeline.explain.show import print_facts
from tests.support.candidates_folder import (
    Matches,
    brute_force,
    match_table,
    pair_id,
    rank,
    write_candidates,
)

SURFACES = ["of", "red", "New York", "cat"]
CAP, SEED = 15, 3


def made_matches() -> list[list[int]]:
    choose = random.Random(2)
    weights = [0.6, 0.3, 0.05, 0.0]
    found = [[query for query, weight in enumerate(weights) if choose.random() < weight] for _ in range(150)]
    return [queries or [0] for queries in found]


MATCHES: Matches = {pair_id(number): queries for number, queries in enumerate(made_matches())}
MATCHED = np.bincount([query for found in MATCHES.values() for query in found], minlength=4)


@pytest.fixture(scope="module")
def candidates(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_candidates(tmp_path_factory.mktemp("world"), made_matches(), SURFACES)


@pytest.fixture(scope="module")
def selection(candidates: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    output = str(tmp_path_factory.mktemp("selection") / "s")
    run_balance(BalanceConfig(candidates=candidates, output=output, max_pairs_per_query=CAP, seed=SEED), [])
    return output


def test_before_the_run(candidates: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    expected = brute_force(MATCHES, [CAP] * 4, SEED)
    lost = next(pair for pair in MATCHES if pair not in expected)
    config = ExplainConfig(
        candidates=candidates, max_pairs_per_query=CAP, seed=SEED, query=("new york", "of"), pair=lost.hex(),
        work_dir=str(tmp_path),
    )  # fmt: skip
    facts = run_explain(config, [])
    assert not list(tmp_path.iterdir())  # nothing stays
    before = facts["before"]
    shares = np.minimum(1, CAP / np.maximum(1, MATCHED))
    assert before["expected_selected"] == pytest.approx(
        sum(shares[found].max() for found in MATCHES.values()), abs=0.01
    )
    assert (before["candidates"], before["matches"]) == (150, int(MATCHED.sum()))
    assert (before["without_match"], before["up_to_cap"], before["over_cap"]) == (1, 1, 2)
    assert before["tail_share"] == pytest.approx(MATCHED[2] / MATCHED.sum(), abs=1e-6)
    assert [(row["query"], row["matched"]) for row in before["top_queries"]] == [
        ("of", MATCHED[0]), ("red", MATCHED[1]), ("new york", MATCHED[2])
    ]  # fmt: skip
    rare, hot = facts["queries"]
    assert "keeps all" in rare["why"]
    assert hot["keep_probability"] == pytest.approx(CAP / MATCHED[0], abs=1e-6)
    (pair,) = facts["pairs"]
    assert not pair["selected"]
    assert pair["rank"] == rank(lost, SEED)
    for found in pair["queries"]:
        same = [other for other, queries in MATCHES.items() if found["query_id"] in queries]
        assert found["place"] == sorted(same, key=lambda other: (rank(other, SEED), other)).index(lost) + 1
        assert found["place"] > CAP
    print_facts(facts, as_json=True)
    assert json.loads(capsys.readouterr().out) == facts
    print_facts(facts, as_json=False)
    assert "beyond" in capsys.readouterr().out


def test_after_the_run(selection: str) -> None:
    expected = brute_force(MATCHES, [CAP] * 4, SEED)
    facts = run_explain(ExplainConfig(selection=selection, query=("red",)), [])
    after = facts["after"]
    assert after["realised_selected"] == len(expected)
    assert after["matches_per_text"] == pytest.approx(
        sum(len(MATCHES[pair]) for pair in expected) / len(expected), abs=1e-3
    )
    assert after["matches_per_image"] > after["matches_per_text"]
    (red,) = facts["queries"]
    assert red["kept"] == CAP
    assert red["selected"] == sum(1 in MATCHES[pair] for pair in expected)
    assert red["threshold"] == sorted(rank(pair, SEED) for pair, found in MATCHES.items() if 1 in found)[CAP - 1]


def test_what_is_not_there_is_an_error(candidates: str, selection: str) -> None:
    with pytest.raises(ValueError, match="--query 'green': not in the query list"):
        run_explain(ExplainConfig(selection=selection, query=("green",)), [])
    with pytest.raises(ValueError, match=r"--url http://elsewhere\.example/: no candidate"):
        run_explain(ExplainConfig(candidates=candidates, url="http://elsewhere.example/"), [])
    with pytest.raises(ValueError, match="--url 'elsewhere': url_not_http"):
        run_explain(ExplainConfig(candidates=candidates, url="elsewhere"), [])
    with pytest.raises(ValueError, match="expected --candidates or --selection"):
        ExplainConfig()
    with pytest.raises(ValueError, match="pair must be 32 hex digits"):
        ExplainConfig(candidates=candidates, pair="12")


@given(st.lists(st.sets(st.integers(0, 3), min_size=1), min_size=1, max_size=20), st.sampled_from([[0, 1], [2**63]]))
def test_places_with_ties_of_rank(queries: list[set[int]], values: list[int]) -> None:
    matches = {pair_id(number): sorted(found) for number, found in enumerate(queries)}
    table = match_table(matches)
    ranks = np.array([values[number % len(values)] for number in range(len(queries))], dtype=np.uint64)
    asked = AskedMatches(table.slice(0, 3), ranks[:3], 4)
    half = len(table) // 2
    found = asked.count_lower(table.slice(0, half), ranks[:half]) + asked.count_lower(table.slice(half), ranks[half:])
    order = dict(zip(matches, ranks.tolist(), strict=True))
    expected = [
        sum((order[other], other) < (order[pair], pair) for other in matches if query in matches[other])
        for pair in list(matches)[:3]
        for query in matches[pair]
    ]
    assert found.tolist() == expected
