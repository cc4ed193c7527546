"""`pipeline balance` end to end on Beam's local runner, over small candidates folders, against the definition."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.balance import limits
from pipeline.balance.config import BalanceConfig
from pipeline.balance.job import run_balance
from pipeline.balance.per_query_cap import rank_bounds
from pipeline.balance.steps import passes, shared_state
from pipeline.shuffle import room
from schemas.storage import Folder
from tests.support.candidates_folder import (
    Matches,
    brute_force,
    image_id,
    pair_id,
    read_selection,
    write_candidates,
    write_shards,
)
from tests.support.folder_bytes import folder_bytes

SURFACES = ["of", "red", "dog", "new york", "cat"]
CAP = 20


def made_matches(seed: int, num_pairs: int = 400) -> list[list[int]]:
    """Matches of which "of" has most and "cat" fewer than the cap."""
    choose = random.Random(seed)
    weights = [0.5, 0.3, 0.2, 0.1, 0.02]
    found = [[query for query, weight in enumerate(weights) if choose.random() < weight] for _ in range(num_pairs)]
    return [queries or [1] for queries in found]


@pytest.fixture(scope="module")
def candidates(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_candidates(tmp_path_factory.mktemp("world"), made_matches(1), SURFACES, num_files=3)


MATCHES: Matches = {pair_id(number): queries for number, queries in enumerate(made_matches(1))}


def as_dict(selection: str) -> Matches:
    found = read_selection(selection)
    return dict(zip(found["pair_id"].to_pylist(), found["kept_by"].to_pylist(), strict=True))


@pytest.mark.parametrize("mode", ["per_query_cap", "probabilistic"])
def test_no_number_of_partitions_changes_a_byte(
    candidates: str, tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees = []
    for name, num_bytes, num_rows in (("few", 16 << 20, 2_000_000), ("many", 2_000, 15)):
        monkeypatch.setattr(limits, "PARTITION_BYTES", num_bytes)
        monkeypatch.setattr(limits, "RANKED_PARTITION_ROWS", num_rows)
        monkeypatch.setattr(passes, "BUFFER_BYTES", num_bytes)
        config = BalanceConfig(
            candidates=candidates, output=str(tmp_path / name), max_pairs_per_query=CAP, seed=5, samples_per_shard=17,
            mode=mode,
        )  # fmt: skip
        manifest = run_balance(config, [])
        trees.append(folder_bytes(config.output))
        assert not any(Folder(config.output).exists(name) for name in ("work", "exchange"))
        assert as_dict(config.output) == brute_force(MATCHES, [CAP] * len(SURFACES), 5, mode)
        counts = manifest["summary"]["counts"]
        assert counts["selected_pairs"] == manifest["rows"] == len(as_dict(config.output))
        assert counts["images"] == len(set(read_selection(config.output)["key"].to_pylist()))
        assert counts["matches_of_selected"] == sum(len(MATCHES[pair]) for pair in as_dict(config.output))
        assert abs(counts["expected_selected"] - manifest["rows"]) < 40
    assert trees[0] == trees[1]


def test_a_bound_too_tight_is_doubled(candidates: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    factors: list[int] = []

    def tight(matched: np.ndarray, caps: np.ndarray, factor: int) -> np.ndarray:
        factors.append(factor)
        return np.where(matched > caps, rank_bounds(8 * matched, caps, factor), np.uint64(0))

    monkeypatch.setattr(shared_state, "rank_bounds", tight)
    config = BalanceConfig(candidates=candidates, output=str(tmp_path / "s"), max_pairs_per_query=CAP)
    run_balance(config, [])
    assert as_dict(config.output) == brute_force(MATCHES, [CAP] * len(SURFACES), 0)
    assert sorted(set(factors))[:2] == [1, 2]


def test_a_refill_reads_caps_found_from_the_tail_share_and_reports_what_has_no_spare(
    candidates: str, tmp_path: Path
) -> None:
    first = BalanceConfig(candidates=candidates, output=str(tmp_path / "s"), tail_share=0.05, samples_per_shard=25)
    manifest = run_balance(first, [])
    matched = np.bincount([query for found in MATCHES.values() for query in found])
    (cap,) = manifest["summary"]["caps"].values()
    assert cap in matched  # the count of a query
    assert as_dict(first.output) == brute_force(MATCHES, [cap] * len(SURFACES), 0)

    folders, selected = [], set(as_dict(first.output))
    image_of = {pair_id(number): image_id(number) for number in range(len(MATCHES))}
    failed: set[bytes] = set()
    stored: set[str] = set()
    further = 0
    num_fetched = np.zeros(len(SURFACES), dtype=np.int64)
    choose, last = random.Random(6), first.output
    assert pq.read_table(f"{first.output}/tables/query_counts.parquet")["fetched"].to_pylist() == num_fetched.tolist()
    for turn in (1, 2):
        keys = sorted(set(read_selection(last)["key"].to_pylist()) - stored)
        lost = {key for key in keys if choose.random() < 0.5}
        stored.update(set(keys) - lost)
        failed |= {bytes.fromhex(key) for key in lost}
        for row in read_selection(last).to_pylist():
            num_fetched[row["query_ids"]] += row["key"] not in lost
        folders.append(write_shards(last, tmp_path / f"shards-{turn}", lost))
        refill = BalanceConfig(candidates=candidates, output=str(tmp_path / f"r{turn}"), failed=tuple(folders))
        again = run_balance(refill, [], Folder(first.output))
        assert again["summary"]["caps"] == manifest["summary"]["caps"]
        alive = {pair: found for pair, found in MATCHES.items() if image_of[pair] not in failed}
        whole = brute_force(alive, [cap] * len(SURFACES), 0)
        fetched = {pair for pair in selected if image_of[pair] not in failed}
        assert fetched <= set(whole)  # S(C) \ F is contained in S(C \ F)
        assert set(as_dict(refill.output)) == set(whole) - selected
        selected |= set(as_dict(refill.output))
        still = np.bincount([query for found in alive.values() for query in found], minlength=len(SURFACES))
        lost_kept = np.minimum(matched, cap) - np.minimum(still, cap)
        rows = pq.read_table(f"{refill.output}/tables/not_refillable.parquet").to_pylist()
        assert {row["query_id"]: row["lost"] for row in rows} == {q: n for q, n in enumerate(lost_kept.tolist()) if n}
        assert again["summary"]["not_refillable"] == {"queries": len(rows), "kept": int(lost_kept.sum())}
        assert (
            pq.read_table(f"{refill.output}/tables/query_counts.parquet")["fetched"].to_pylist() == num_fetched.tolist()
        )
        assert again["summary"]["shards"]["first"] == sum(len(list(Path(path).glob("*.parquet"))) for path in folders)
        assert again["summary"]["shards"]["before"] == sum(len(list(Path(path).glob("0*.parquet"))) for path in folders)
        last = refill.output
        assert all(row["stored"] == (row["key"] in stored) for row in read_selection(last).to_pylist())
        further += sum(row["key"] in stored for row in read_selection(last).to_pylist())
    assert further > 0


def test_a_refill_refuses_another_tail_share(candidates: str, tmp_path: Path) -> None:
    first = BalanceConfig(candidates=candidates, output=str(tmp_path / "s"), max_pairs_per_query=CAP)
    run_balance(first, [])
    shards = write_shards(first.output, tmp_path / "shards", set())
    refill = BalanceConfig(candidates=candidates, output=str(tmp_path / "r"), failed=(shards,), tail_share=0.1)
    with pytest.raises(ValueError, match=r"tail_share: the first selection has None, asked 0\.1"):
        run_balance(refill, [], Folder(first.output))


def test_shards_of_other_queries_are_refused(candidates: str, tmp_path: Path) -> None:
    longer = write_candidates(tmp_path / "longer", [[5]] * 9, [*SURFACES, "more"])
    first = BalanceConfig(candidates=candidates, output=str(tmp_path / "s"), max_pairs_per_query=CAP)
    other = replace(first, candidates=longer, output=str(tmp_path / "other"))
    run_balance(first, [])
    run_balance(other, [])
    shards = write_shards(other.output, tmp_path / "shards", set())
    refill = BalanceConfig(candidates=candidates, output=str(tmp_path / "r"), failed=(shards,))
    with pytest.raises(ValueError, match="query ids must be from 0 to 4, found 5; are these the shards of these cand"):
        run_balance(refill, [], Folder(first.output))


def test_too_large_a_shuffle_is_refused(candidates: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "available_bytes", lambda: 100 << 20)  # less than what a job takes
    config = BalanceConfig(candidates=candidates, output=str(tmp_path / "s"), max_pairs_per_query=CAP)
    with pytest.raises(ValueError, match=r"balance: shuffling \d+ pairs needs .* use the embedded Flink"):
        run_balance(config, [])
    assert not Folder(config.output).exists("manifest.json")
    assert run_balance(replace(config, force=True), [])["rows"] > 0


def test_no_candidates_at_all(tmp_path: Path) -> None:
    candidates = write_candidates(tmp_path, [], SURFACES, num_files=1)
    manifest = run_balance(BalanceConfig(candidates=candidates, output=str(tmp_path / "s"), tail_share=0.1), [])
    assert manifest["rows"] == 0
