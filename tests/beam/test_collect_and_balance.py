"""Collect and balance on Beam's local runner against a brute-force model of the same rules."""

import hashlib
import random
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.balance.config import BalanceConfig
from pipeline.balance.job import run_balance
from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from pipeline.runners.runner import run_pipeline
from schemas.storage import Folder
from tests.support.candidates_folder import read_selection, write_shards
from tests.support.folder_bytes import folder_bytes

WORDS = ["red", "blue", "dog", "cat", "of", "new york", "york", "house"]
CAP = 25


def make_table(path: Path, num_rows: int, seed: int) -> list[tuple[str, str]]:
    """Write a URL table with broken rows, duplicates and captions without a query; return the good pairs."""
    choose = random.Random(seed)
    rows: list[tuple[str | None, str | None]] = []
    for number in range(num_rows):
        words = choose.choices(["red", "blue", "dog", "cat", "of", "of", "of", "new york", "xyzzy", "house"], k=4)
        rows.append((f"http://images.example/{number % (num_rows * 2 // 3)}.jpg", " ".join(words)))
    rows += rows[:40]
    rows += [(f"HTTP://IMAGES.example:80/{n}.jpg#top", rows[n][1]) for n in range(10)]
    rows += [("http://images.example/none.jpg", "xyzzy plugh"), (None, "red dog"), ("ftp://a/b", "red"),
             ("http://", "red"), ("http://images.example/x", " "), ("http://images.example/y", None)]  # fmt: skip
    choose.shuffle(rows)
    table = pa.table({"url": pa.array([r[0] for r in rows], pa.string()), "TEXT": pa.array([r[1] for r in rows])})
    pq.write_table(table, path, row_group_size=100)
    return [
        (url.replace("HTTP://IMAGES.example:80", "http://images.example").removesuffix("#top"), text)
        for url, text in rows
        if url and text and text.strip() and url.lower().startswith("http://images")
    ]


def matches(text: str) -> list[int]:
    padded = f" {text} "
    return [number for number, word in enumerate(WORDS) if f" {word} " in padded]


def pair_id(url: str, text: str) -> bytes:
    image = hashlib.blake2b(url.encode(), digest_size=16, person=b"wit.image.1").digest()
    return hashlib.blake2b(image + text.encode(), digest_size=16, person=b"wit.pair.1").digest()


def rank(pair: bytes, seed: int) -> int:
    key = seed.to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(pair, digest_size=8, person=b"wit.rank.1", key=key).digest(), "little")


def brute_force_selection(pairs: dict[bytes, list[int]], cap: int, seed: int) -> dict[bytes, list[int]]:
    """Return pair_id -> kept_by, by the definition."""
    of_query = defaultdict(list)
    for pair, queries in pairs.items():
        for query in queries:
            of_query[query].append((rank(pair, seed), pair))
    kept = defaultdict(list)
    for query in sorted(of_query):
        for _, pair in sorted(of_query[query])[:cap]:
            kept[pair].append(query)
    return kept


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    from tests.conftest import write_queries

    root = tmp_path_factory.mktemp("world")
    (root / "in").mkdir()
    good = make_table(root / "in" / "a.parquet", 700, 1) + make_table(root / "in" / "b.parquet", 400, 2)
    queries = write_queries(root / "queries", WORDS)
    config = CollectConfig(input=f"{root}/in/*.parquet", queries=queries, output=f"{root}/candidates")
    run_collect(config, [])
    return {"root": str(root), "good": repr(good), "queries": queries}


def good_pairs(world: dict[str, str]) -> dict[bytes, list[int]]:
    import ast

    found = {pair_id(url, text): matches(text) for url, text in ast.literal_eval(world["good"])}
    return {pair: queries for pair, queries in found.items() if queries}


def test_candidates_are_the_matched_pairs_each_once(world: dict[str, str]) -> None:
    expected = good_pairs(world)
    found = pq.read_table(f"{world['root']}/candidates/00000.parquet")
    assert dict(zip(found["pair_id"].to_pylist(), found["query_ids"].to_pylist(), strict=True)) == expected
    assert found["pair_id"].to_pylist() == sorted(expected)


def test_broken_rows_are_rejections_with_reason_and_place(world: dict[str, str]) -> None:
    found = pq.read_table(f"{world['root']}/candidates/rejections/collect.parquet").to_pylist()
    assert sorted(row["reason"] for row in found) == sorted(
        ["url_missing", "url_not_http", "url_without_host", "caption_missing", "caption_missing"] * 2
    )
    source = pq.read_table(f"{world['root']}/in/a.parquet").to_pylist()
    for row in found:
        if row["source_file"] == "a.parquet" and row["reason"] == "url_not_http":
            assert source[row["position"]]["url"] == row["value"] == "ftp://a/b"


@pytest.mark.parametrize("beam_args", [[], ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]])
def test_per_query_cap_equals_brute_force(world: dict[str, str], tmp_path: Path, beam_args: list[str]) -> None:
    config = BalanceConfig(
        candidates=f"{world['root']}/candidates", output=str(tmp_path / "s"), max_pairs_per_query=CAP, seed=7,
        samples_per_shard=30,
    )  # fmt: skip
    manifest = run_balance(config, beam_args)
    expected = brute_force_selection(good_pairs(world), CAP, 7)
    found = read_selection(config.output)
    assert dict(zip(found["pair_id"].to_pylist(), found["kept_by"].to_pylist(), strict=True)) == expected
    assert [rank(pair, 7) for pair in found["pair_id"].to_pylist()] == found["rank"].to_pylist()
    counts = pq.read_table(f"{config.output}/tables/query_counts.parquet").to_pylist()
    for row in counts:
        matched = sum(row["query_id"] in queries for queries in good_pairs(world).values())
        assert row["matched"] == matched
        assert row["kept"] == min(CAP, matched)
        assert (row["threshold"] is None) == (matched <= CAP)
    assert manifest["rows"] == len(expected)
    # Shards: exact sizes, every image in one shard, keys from the image, order by image.
    sizes = [pq.read_table(name)["key"].to_pylist() for name in sorted(Path(config.output).glob("[0-9]*.parquet"))]
    assert [len(set(keys)) for keys in sizes[:-1]] == [30] * (len(sizes) - 1)
    everything = [key for keys in sizes for key in keys]
    assert everything == sorted(everything)
    assert everything == [image.hex() for image in found["image_id"].to_pylist()]


def test_worker_processes_give_the_same_bytes(world: dict[str, str], tmp_path: Path) -> None:
    trees = []
    for name, beam_args in [("one", []), ("two", ["--direct_num_workers=2", "--direct_running_mode=multi_processing"])]:
        collect = CollectConfig(
            input=f"{world['root']}/in/*.parquet", queries=world["queries"], output=str(tmp_path / name / "c")
        )
        run_collect(collect, beam_args)
        balance = BalanceConfig(
            candidates=collect.output, output=str(tmp_path / name / "s"), max_pairs_per_query=CAP, samples_per_shard=64
        )
        run_balance(balance, beam_args)
        trees.append(folder_bytes(str(tmp_path / name)))
    assert trees[0] == trees[1]


def test_probabilistic_keeps_by_the_stated_draw(world: dict[str, str], tmp_path: Path) -> None:
    config = BalanceConfig(
        candidates=f"{world['root']}/candidates", output=str(tmp_path / "s"), max_pairs_per_query=CAP, seed=3,
        mode="probabilistic",
    )  # fmt: skip
    run_balance(config, [])
    pairs = good_pairs(world)
    matched = [sum(query in queries for queries in pairs.values()) for query in range(len(WORDS))]
    expected = defaultdict(list)
    for pair, queries in pairs.items():
        for query in queries:
            digest = hashlib.blake2b(
                pair + query.to_bytes(4, "little"), digest_size=8, person=b"wit.draw.1", key=(3).to_bytes(8, "little")
            ).digest()
            if matched[query] <= CAP or int.from_bytes(digest, "little") * matched[query] < CAP << 64:
                expected[pair].append(query)
    found = read_selection(config.output)
    assert dict(zip(found["pair_id"].to_pylist(), found["kept_by"].to_pylist(), strict=True)) == expected


@pytest.mark.parametrize("lost_share", [0.0, 0.3, 1.0])
def test_refill_selects_what_failed_leaves_room_for(world: dict[str, str], tmp_path: Path, lost_share: float) -> None:
    candidates = f"{world['root']}/candidates"
    first = BalanceConfig(
        candidates=candidates, output=str(tmp_path / "s"), max_pairs_per_query=CAP, samples_per_shard=30
    )
    run_balance(first, [])
    before = read_selection(first.output)
    choose = random.Random(5)
    failed = {key for key in sorted(set(before["key"].to_pylist())) if choose.random() < lost_share}
    shards = write_shards(first.output, tmp_path / "shards", failed)
    refill = BalanceConfig(candidates=candidates, output=str(tmp_path / "r"), failed=(shards,))
    manifest = run_balance(refill, [], Folder(first.output))

    table = pq.read_table(f"{candidates}/00000.parquet")
    image_of = {row["pair_id"]: row["image_id"].hex() for row in table.select(["pair_id", "image_id"]).to_pylist()}
    alive = {pair: queries for pair, queries in good_pairs(world).items() if image_of[pair] not in failed}
    whole = brute_force_selection(alive, CAP, 0)
    selected_before = set(before["pair_id"].to_pylist())
    fetched = {pair for pair in selected_before if image_of[pair] not in failed}
    assert fetched <= set(whole)  # S(C) \ F is contained in S(C \ F)
    found = read_selection(refill.output)
    assert set(found["pair_id"].to_pylist()) == set(whole) - selected_before
    assert manifest["summary"]["shards"]["first"] == len(list(Path(first.output).glob("[0-9]*.parquet")))
    if lost_share == 0:
        assert manifest["rows"] == 0


def test_refill_refuses_other_candidates_and_settings(
    world: dict[str, str], tmp_path: Path, queries_folder: Callable[[list[str]], str]
) -> None:
    candidates = f"{world['root']}/candidates"
    first = BalanceConfig(candidates=candidates, output=str(tmp_path / "s"), max_pairs_per_query=CAP)
    run_balance(first, [])
    shards = write_shards(first.output, tmp_path / "shards", set())
    other_cap = BalanceConfig(
        candidates=candidates, output=str(tmp_path / "r"), failed=(shards,), max_pairs_per_query=3
    )
    with pytest.raises(ValueError, match="max_pairs_per_query: the first selection has 25, asked 3"):
        run_balance(other_cap, [], Folder(first.output))
    other = CollectConfig(
        input=f"{world['root']}/in/a.parquet", queries=queries_folder(["red"]), output=str(tmp_path / "c")
    )
    run_collect(other, [])
    wrong = BalanceConfig(candidates=other.output, output=str(tmp_path / "r"), failed=(shards,))
    with pytest.raises(ValueError, match="not the candidates of the first selection"):
        run_balance(wrong, [], Folder(first.output))


def test_refill_refuses_an_incomplete_list_of_rounds(world: dict[str, str], tmp_path: Path) -> None:
    candidates = f"{world['root']}/candidates"
    first = BalanceConfig(
        candidates=candidates, output=str(tmp_path / "s"), max_pairs_per_query=CAP, samples_per_shard=30
    )
    run_balance(first, [])
    shards = write_shards(first.output, tmp_path / "shards", set())
    (tmp_path / "shards" / "00000.parquet").unlink()
    refill = BalanceConfig(candidates=candidates, output=str(tmp_path / "r"), failed=(shards,))
    with pytest.raises(ValueError, match="no folder holds shard 00000"):
        run_balance(refill, [], Folder(first.output))


def test_balance_refuses_another_query_list_in_the_same_place(
    tmp_path: Path, world: dict[str, str], queries_folder: Callable[[list[str]], str]
) -> None:
    queries = queries_folder(["red", "dog"])
    collect = CollectConfig(input=f"{world['root']}/in/a.parquet", queries=queries, output=str(tmp_path / "c"))
    run_collect(collect, [])
    shutil.move(queries, tmp_path / "moved")
    balance = {"candidates": collect.output, "output": str(tmp_path / "s")}
    with pytest.raises(FileNotFoundError, match="no such folder"):
        run_balance(BalanceConfig(**balance), [])
    queries_folder(["red", "dog", "cat"])
    with pytest.raises(ValueError, match="not the queries the candidates were matched with"):
        run_balance(BalanceConfig(**balance), [])
    assert run_balance(BalanceConfig(**balance, queries=str(tmp_path / "moved")), [])["rows"] > 0


def test_no_match_at_all_gives_empty_but_whole_folders(
    world: dict[str, str], tmp_path: Path, queries_folder: Callable[[list[str]], str]
) -> None:
    collect = CollectConfig(
        input=f"{world['root']}/in/a.parquet", queries=queries_folder(["quux"]), output=str(tmp_path / "c")
    )
    assert run_collect(collect, [])["rows"] == 0
    balance = BalanceConfig(candidates=collect.output, output=str(tmp_path / "s"))
    manifest = run_balance(balance, [])
    assert manifest["rows"] == 0
    assert manifest["summary"]["shards"]["count"] == 0


def test_a_resumed_collect_does_only_what_is_missing(
    world: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = CollectConfig(input=f"{world['root']}/in/*.parquet", queries=world["queries"], output=str(tmp_path / "c"))
    monkeypatch.setattr("pipeline.sources.tables.table_plan.SPLIT_BYTES", 1)  # a split per row group
    monkeypatch.setattr("pipeline.collect.job.PARTITION_BYTES", 10_000)
    monkeypatch.setattr("pipeline.collect.finish.write_manifest", die)
    with pytest.raises(Died):
        run_collect(config, [])
    parts = sorted((tmp_path / "c" / "parts").glob("?????.json"))
    partitions = sorted((tmp_path / "c" / "partitions").glob("*.json"))
    assert len(parts) > 5
    assert len(partitions) > 1
    parts[3].unlink()
    partitions[1].unlink()
    untouched = {path: path.stat().st_mtime_ns for path in (*parts, *partitions) if path.exists()}
    counters: list[dict[str, int]] = []

    def counting(build: Callable[[object], object], beam_args: list[str]) -> dict[str, int]:
        counters.append(run_pipeline(build, beam_args))
        return counters[-1]

    monkeypatch.setattr("pipeline.collect.job.run_pipeline", counting)
    with pytest.raises(Died):
        run_collect(config, [])
    assert counters[0]["records"] == 100  # the rows of the one split
    assert {path: path.stat().st_mtime_ns for path in untouched} == untouched
    monkeypatch.undo()
    monkeypatch.setattr("pipeline.collect.job.PARTITION_BYTES", 10_000)
    monkeypatch.setattr("pipeline.sources.tables.table_plan.SPLIT_BYTES", 1)
    assert run_collect(config, [])["rows"] == len(good_pairs(world))
    assert not (tmp_path / "c" / "parts").exists()


class Died(Exception):
    pass


def die(*_: object, **__: object) -> None:
    raise Died
