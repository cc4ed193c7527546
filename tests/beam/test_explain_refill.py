"""`pipeline explain` of a refill: failed images count nowhere, and what an earlier round selected is said."""

import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.balance.config import BalanceConfig
from pipeline.balance.job import run_balance
from pipeline.explain.config import ExplainConfig
from pipeline.explain.job import run_explain
from schemas.storage import Folder
from tests.support.candidates_folder import (
    Matches,
    brute_force,
    image_id,
    pair_id,
    rank,
    read_selection,
    write_candidates,
    write_shards,
)

CAP, NUM_PAIRS = 12, 120


def made_matches() -> list[list[int]]:
    choose = random.Random(4)
    return [[0] if choose.random() < 0.5 else [0, 1] for _ in range(NUM_PAIRS)]


MATCHES: Matches = {pair_id(number): queries for number, queries in enumerate(made_matches())}
IMAGE_OF = {pair_id(number): image_id(number) for number in range(NUM_PAIRS)}


@pytest.mark.parametrize("mode", ["per_query_cap", "probabilistic"])
def test_places_are_counted_among_what_has_not_failed(mode: str, tmp_path: Path) -> None:
    candidates = write_candidates(tmp_path, made_matches(), ["of", "red"])
    first = BalanceConfig(
        candidates=candidates, output=str(tmp_path / "s"), max_pairs_per_query=CAP, samples_per_shard=5, mode=mode
    )
    run_balance(first, [])
    before = set(read_selection(first.output)["pair_id"].to_pylist())
    failed = {key for number, key in enumerate(sorted(IMAGE_OF[pair].hex() for pair in before)) if number % 2}
    shards = write_shards(first.output, tmp_path / "shards", failed)
    refill = BalanceConfig(candidates=candidates, output=str(tmp_path / "r"), failed=(shards,))
    run_balance(refill, [], Folder(first.output))
    write_shards(refill.output, tmp_path / "shards", set())  # as `pipeline run` goes on in the same folder

    alive = {pair: queries for pair, queries in MATCHES.items() if IMAGE_OF[pair].hex() not in failed}
    whole = brute_force(alive, [CAP] * 2, 0, mode)
    matched = np.bincount([query for queries in alive.values() for query in queries])
    new = next(pair for pair in whole if pair not in before)
    lost = next(pair for pair in before if pair not in alive)
    left = next(pair for pair in alive if pair not in whole)
    kept = next(pair for pair in whole if pair in before)
    for pair in (new, lost, left, kept) if mode == "per_query_cap" else (lost, new):
        config = ExplainConfig(candidates=candidates, selection=refill.output, pair=pair.hex())
        facts = run_explain(config, [])
        (found,) = facts["pairs"]
        assert found["selected"] == (pair in whole)
        assert found["selected_before"] == (pair in before)
        assert [row["query_id"] for row in found["queries"] if row["kept"]] == whole.get(pair, [])
        for row in found["queries"]:
            assert row["matched"] == matched[row["query_id"]]
            if pair == lost:
                assert row["why"] == "its image failed: a refill leaves the pair out"
            elif mode == "per_query_cap":
                same = [other for other, queries in alive.items() if row["query_id"] in queries]
                assert row["place"] == sorted(same, key=lambda other: (rank(other, 0), other)).index(pair) + 1
        assert facts["before"]["matches"] == matched.sum()

    shutil.move(shards, tmp_path / "moved")
    with pytest.raises(ValueError, match="no folder holds shard 00000"):
        run_explain(config, [])
    moved = replace(config, failed=(str(tmp_path / "moved"),))
    assert run_explain(moved, []) == facts
    write_shards(first.output, tmp_path / "healed", set())
    with pytest.raises(ValueError, match="not what the refill left out; name the shard folders"):
        run_explain(replace(config, failed=(str(tmp_path / "healed"),)), [])


def test_other_candidates_are_refused(tmp_path: Path) -> None:
    candidates = write_candidates(tmp_path / "a", made_matches(), ["of", "red"])
    selection = BalanceConfig(candidates=candidates, output=str(tmp_path / "s"), max_pairs_per_query=CAP)
    run_balance(selection, [])
    other = write_candidates(tmp_path / "b", made_matches()[:50], ["of", "red"])
    with pytest.raises(ValueError, match="the selection was made of other candidates"):
        run_explain(ExplainConfig(candidates=other, selection=selection.output), [])
