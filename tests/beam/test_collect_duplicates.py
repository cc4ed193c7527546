"""Captions per image, repeated captions and tracking parameters, from input to candidates, against brute force."""

import hashlib
import random
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from schemas.storage import Folder
from tests.conftest import write_queries
from tests.support.folder_bytes import folder_bytes

LIMIT, MAX_IMAGES, SEED = 2, 6, 9


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, str]]]:
    """A folder with input and queries, and the good (url, caption) rows."""
    root = tmp_path_factory.mktemp("duplicates")
    choose = random.Random(4)
    rows = []
    for _ in range(900):
        url = f"http://images.example/{choose.randrange(80)}.jpg"
        url += choose.choice(["", "", "?utm_source=x", "?w=1", "?w=1&gclid=2"])
        boiler_plate = choose.random() < 0.4
        rows.append((url, choose.choice(["red logo", "red"]) if boiler_plate else f"red {choose.randrange(200)}"))
    rows += rows[:60]
    rows += [("http://images.example/0.jpg", "nothing here")]
    (root / "in").mkdir()
    for part in range(3):
        found = rows[part::3]
        table = pa.table({"url": [row[0] for row in found], "caption": [row[1] for row in found]})
        pq.write_table(table, root / "in" / f"{part}.parquet", row_group_size=70)
    write_queries(root / "queries", ["red"])
    return root, [row for row in rows if row[1] != "nothing here"]


def config(root: Path, output: Path, **options: object) -> CollectConfig:
    return CollectConfig(input=f"{root}/in/*.parquet", queries=f"{root}/queries", output=str(output), **options)


def digest(data: bytes, person: bytes, size: int = 16, key: bytes = b"") -> bytes:
    return hashlib.blake2b(data, digest_size=size, person=person, key=key).digest()


def model(rows: list[tuple[str, str]]) -> tuple[set[bytes], dict[str, int]]:
    """Return the pair_ids that stay and the rows that go, by the definitions."""
    bare = {"?utm_source=x": "", "&gclid=2": ""}
    normal = []
    for url, caption in rows:
        for text, other in bare.items():
            url = url.replace(text, other)
        normal.append((url, caption))
    repeated = repeated_model(rows)
    fresh = [row for row in normal if row[1] not in repeated]
    of_image: dict[str, set[bytes]] = defaultdict(set)
    ids = {}
    for url, caption in fresh:
        pair = digest(digest(url.encode(), b"wit.image.1") + caption.encode(), b"wit.pair.1")
        ids[url, caption] = pair
        of_image[url].add(pair)

    def rank(pair: bytes) -> tuple[int, bytes]:
        return int.from_bytes(digest(pair, b"wit.caption.1", 8, SEED.to_bytes(8, "little")), "little"), pair

    kept = {pair for pairs in of_image.values() for pair in sorted(pairs, key=rank)[:LIMIT]}
    rows_kept = sum(ids[row] in kept for row in fresh)
    return kept, {
        "repeated_caption": len(rows) - len(fresh),
        "captions_per_image": len(fresh) - rows_kept,
        "duplicates": rows_kept - len(kept),
    }


def repeated_model(rows: list[tuple[str, str]]) -> set[str]:
    """Return the captions with too many images."""
    images: dict[str, set[str]] = defaultdict(set)
    for url, caption in rows:
        images[caption].add(url.replace("?utm_source=x", "").replace("&gclid=2", ""))
    return {caption for caption, found in images.items() if len(found) > MAX_IMAGES}


OPTIONS = {
    "captions_per_image": LIMIT, "captions_seed": SEED, "max_images_per_caption": MAX_IMAGES,
    "drop_tracking_parameters": True,
}  # fmt: skip


def test_all_three_equal_brute_force(world: tuple[Path, list[tuple[str, str]]], tmp_path: Path) -> None:
    root, rows = world
    summary = run_collect(config(root, tmp_path / "c", **OPTIONS), [])["summary"]
    kept, gone = model(rows)
    assert min(gone.values()) > 5
    table = pq.read_table(tmp_path / "c" / "00000.parquet")
    assert table["pair_id"].to_pylist() == sorted(kept)
    assert any("gclid" in url for url in table["url"].to_pylist())  # stored as it is
    assert summary["dropped_by_reason"] == {
        "captions_per_image": gone["captions_per_image"], "no_match": 1, "repeated_caption": gone["repeated_caption"],
    }  # fmt: skip
    assert summary["counts"]["duplicates"] == gone["duplicates"]
    assert summary["counts"]["matched_pairs"] == len(kept) + sum(gone.values())
    drops = pq.read_table(tmp_path / "c" / "drops" / "collect.parquet").to_pylist()
    repeated = [row for row in drops if row["reason"] == "repeated_caption"]
    assert {"red", "red logo"} <= {row["caption"] for row in repeated} == repeated_model(rows)
    assert len(repeated) == len({(row["pair_id"]) for row in repeated}) > 10
    assert not Folder(str(tmp_path / "c")).names("repeated")


def test_splits_partitions_and_workers_change_no_byte(
    world: tuple[Path, list[tuple[str, str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, _ = world
    two = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    monkeypatch.setattr("pipeline.collect.job.PARTITION_BYTES", 30_000)
    trees = []
    for split_bytes, beam_args in [(1, []), (1 << 30, []), (1 << 30, two)]:
        monkeypatch.setattr("pipeline.sources.tables.table_plan.SPLIT_BYTES", split_bytes)
        output = tmp_path / str(len(trees))
        run_collect(config(root, output, **OPTIONS), beam_args)
        trees.append(folder_bytes(str(output)))
    assert len([name for name in trees[0] if name.endswith(".parquet")]) > 4
    assert trees[0] == trees[1] == trees[2]


def test_a_run_that_died_after_the_counts_is_resumed(
    world: tuple[Path, list[tuple[str, str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, _ = world
    monkeypatch.setattr("pipeline.collect.job.PARTITION_BYTES", 30_000)
    run_collect(config(root, tmp_path / "whole", **OPTIONS), [])

    def die(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.collect.finish.write_manifest", die)
        with pytest.raises(Died):
            run_collect(config(root, tmp_path / "died", **OPTIONS), [])
    for name in ("repeated/00001.parquet", "partitions/00001.json", "dropped/00001.json"):
        (tmp_path / "died" / name).unlink()
    run_collect(config(root, tmp_path / "died", **OPTIONS), [])
    assert folder_bytes(str(tmp_path / "died")) == folder_bytes(str(tmp_path / "whole"))


class Died(Exception):
    pass
