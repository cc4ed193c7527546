"""Our own shards as input of collect: every caption comes back, with the ids that the shard states."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipeline.balance.config import BalanceConfig
from pipeline.balance.job import run_balance
from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from pipeline.download.config import DownloadConfig
from pipeline.download.job import run_download
from schemas.run_record import FolderConflict
from tests.conftest import write_queries
from tests.support.download import Web, serving
from tests.support.made_shards import MadeShards, make_shards
from tests.support.small_shards import picture, write_tar

WORDS = ["bild", "again", "photo", "last", "further", "still", "new"]
BLOCKED = ("good/1", "good/2")


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, web: Web) -> MadeShards:
    return make_shards(tmp_path_factory.mktemp("given"), web)


def collected(made: MadeShards, tmp_path: Path, **options: object) -> tuple[pa.Table, dict[str, int]]:
    write_queries(tmp_path / "queries", WORDS)
    config = CollectConfig(
        input=f"{made.folder}/*.tar", input_format="webdataset", queries=f"{tmp_path}/queries",
        output=f"{tmp_path}/candidates", **options,  # type: ignore[arg-type]
    )  # fmt: skip
    counts = run_collect(config, [])["summary"]["counts"]
    return pa.concat_tables(
        [pq.read_table(path) for path in sorted((tmp_path / "candidates").glob("0*.parquet"))]
    ), counts


def test_every_caption_comes_back_with_its_ids(made: MadeShards, tmp_path: Path) -> None:
    table, counts = collected(made, tmp_path)
    stated: dict[bytes, tuple[bytes, str]] = {}
    tables = [made.folder / f"{tar.stem}.parquet" for tar in made.tars]
    for path in [*tables, *(made.folder / "further_captions").glob("*.parquet")]:
        for row in pq.read_table(path).to_pylist():
            if row.get("status", "success") == "success":
                pairs = zip(row["pair_ids"], row["captions"], strict=True)
                stated |= {pair_id: (row["image_id"], caption) for pair_id, caption in pairs}
    rows = table.to_pylist()
    assert {row["pair_id"]: (row["image_id"], row["caption"]) for row in rows} == stated
    assert len(rows) == counts["records"] == sum(len(texts) for texts in made.further.values()) + made.num_samples + 1
    assert {row["license"] for row in rows} == {None, "CC0", "CC BY"}
    for row in rows[:3]:
        with open(made.folder / row["image_ref"]["member"].partition("/")[0], "rb") as raw:
            raw.seek(row["image_ref"]["offset"])
            assert raw.read(row["image_ref"]["length"])[:2] == b"\xff\xd8"


def test_columns_carried_through_come_back_in_their_types(made: MadeShards, tmp_path: Path) -> None:
    table, _ = collected(made, tmp_path, extra_columns=("similarity", "seen", "tag"))
    extra = table["extra"].combine_chunks()
    assert extra.type == pa.struct([("similarity", pa.float64()), ("seen", pa.int64()), ("tag", pa.string())])
    by_caption = dict(zip(table["caption"].to_pylist(), extra.to_pylist(), strict=True))
    assert by_caption["Bild 5: größe"] == {"similarity": 5.5, "seen": 5, "tag": None}
    assert by_caption["photo 1"] == {"similarity": None, "seen": None, "tag": None}
    assert by_caption["last 8"]["tag"] == "t"


def test_further_captions_are_part_of_the_input(made: MadeShards, tmp_path: Path) -> None:
    collected(made, tmp_path)
    run = json.loads((tmp_path / "candidates" / "run.json").read_text())
    names = [entry["name"] for entry in run["inputs"] if str(entry["name"]).startswith("further_captions/")]
    assert names == [f"further_captions/{path.name}" for path in sorted((made.folder / "further_captions").glob("*"))]
    with pytest.raises(FolderConflict):
        collected(made, tmp_path, captions="lines")


def rewritten(made: MadeShards, path: Path, **changed: object) -> str:
    """Write the first tar again with other members in its JSON; return the stated image_id of its first sample."""
    first = ""
    with tarfile.open(made.tars[0]) as source, tarfile.open(path, "w") as target:
        for member in source:
            body = source.extractfile(member)
            assert body is not None
            data = body.read()
            if member.name.endswith(".json"):
                record = json.loads(data)
                first = first or record["image_id"]
                data = json.dumps({**record, **changed}).encode()
                member.size = len(data)
            with open(path.with_suffix(".member"), "wb") as whole:
                whole.write(data)
            with open(path.with_suffix(".member"), "rb") as whole:
                target.addfile(member, whole)
    path.with_suffix(".member").unlink()
    return first


@pytest.mark.parametrize(
    "changed",
    [
        {"image_id": "00" * 16},
        {"image_id": "no hex"},
        {"url": "http://other.example/1.jpg", "image_ref": {"root": "", "member": ""}},
        {"url": None, "image_ref": None},
        {"pair_ids": None, "image_id": None},
    ],
    ids=["other-id", "no-id", "other-url", "no-place", "no-ids"],
)
def test_an_id_that_its_url_does_not_give_is_not_taken(
    made: MadeShards, tmp_path: Path, changed: dict[str, object]
) -> None:
    first = rewritten(made, tmp_path / "0.tar", **changed)
    write_queries(tmp_path / "queries", WORDS)
    config = CollectConfig(
        input=f"{tmp_path}/0.tar", input_format="webdataset", queries=f"{tmp_path}/queries", output=f"{tmp_path}/c"
    )
    assert run_collect(config, [])["rows"] > 3
    table = pq.read_table(tmp_path / "c" / "00000.parquet")
    assert first not in [value.hex() for value in table["image_id"].to_pylist()]
    assert pc.all(pc.is_valid(table["image_ref"])).as_py()


def candidates_of(shards: Path, output: Path, **options: object) -> tuple[list[dict], dict]:
    """Collect `shards`; return the candidates sorted by pair_id, and the summary."""
    write_queries(output / "queries", WORDS)
    config = CollectConfig(
        input=f"{shards}/*.tar", input_format="webdataset", queries=f"{output}/queries",
        output=f"{output}/candidates", **options,  # type: ignore[arg-type]
    )  # fmt: skip
    summary = run_collect(config, [])["summary"]
    tables = [pq.read_table(path) for path in sorted((output / "candidates").glob("0*.parquet"))]
    return sorted(pa.concat_tables(tables).to_pylist(), key=lambda row: row["pair_id"]), summary


def test_ids_captions_and_urls_stay_over_generations_and_nothing_is_fetched_again(
    made: MadeShards, web: Web, tmp_path: Path
) -> None:
    def said(rows: list[dict]) -> list[tuple]:
        return [tuple(row[name] for name in ("pair_id", "image_id", "caption", "url", "license")) for row in rows]

    requests = dict(web.requests)
    first, _ = candidates_of(made.folder, tmp_path / "1")
    urls = {row["image_id"]: row["url"] for row in first}
    assert sum(url is not None for url in urls.values()) == made.num_samples - 3  # three are of a folder
    shards = made.folder
    for generation in ("1", "2"):
        folder = tmp_path / generation
        run_balance(BalanceConfig(candidates=f"{folder}/candidates", output=f"{folder}/selection"), [])
        config = DownloadConfig(
            selection=f"{folder}/selection", output=f"{folder}/shards", num_decode_processes=1, timeout_s=600,
            image_size=32,
        )  # fmt: skip
        run_download(config)
        shards = folder / "shards"
        table = pa.concat_tables([pq.read_table(path) for path in sorted(shards.glob("0*.parquet"))]).to_pylist()
        assert {row["image_id"]: row["url"] for row in table} == urls
        assert {row["status"] for row in table} == {"success"}
        stated = {bytes.fromhex(record["image_id"]): record["url"] for record in records_of(shards)}
        assert stated == {image_id: url or "" for image_id, url in urls.items()}
        again, _ = candidates_of(shards, tmp_path / str(int(generation) + 1))
        assert said(again) == said(first)
        assert all(row["image_ref"]["root"] == "shards" for row in again)
    assert dict(web.requests) == requests


def records_of(shards: Path) -> Iterator[dict]:
    for path in sorted(shards.glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name.endswith(".json"):
                    body = tar.extractfile(member)
                    assert body is not None
                    yield json.loads(body.read())


@pytest.mark.parametrize(
    ("option", "entries", "reason"),
    [
        ("url_block_lists", "{port}/good/1\n{port}/good/2#part", "url_blocked"),
        ("domain_block_lists", "127.0.0.1", "domain_blocked"),
        ("deny_file_types", ("none",), "file_type"),
        ("allow_file_types", ("jpg",), "file_type"),
    ],
    ids=["urls", "domains", "denied-types", "allowed-types"],
)
def test_filters_of_urls_look_at_the_url_that_a_shard_states(
    made: MadeShards, web: Web, tmp_path: Path, option: str, entries: str | tuple[str, ...], reason: str
) -> None:
    value: tuple[str, ...] = entries if isinstance(entries, tuple) else (f"{tmp_path}/list.txt",)
    if isinstance(entries, str):
        (tmp_path / "list.txt").write_text(entries.format(port=f"http://127.0.0.1:{web.port}"))
    everything, _ = candidates_of(made.folder, tmp_path / "all")
    rows, summary = candidates_of(made.folder, tmp_path / "kept", **{option: value})
    blocked = [row for row in everything if row["url"] and (reason != "url_blocked" or row["url"][-6:] in BLOCKED)]
    assert summary["dropped_by_reason"] == {reason: len(blocked)}
    assert len(rows) == len(everything) - len(blocked)
    assert sum(row["url"] is None for row in rows) == 3  # of a folder: no filter of URLs applies


@pytest.mark.parametrize("input_format", ["webdataset", "folder"])
@pytest.mark.parametrize(
    ("option", "entries"),
    [
        ("url_block_lists", "https://A.example/x.GIF?utm_source=a"),
        ("domain_block_lists", "a.example"),
        ("deny_file_types", ("gif",)),
    ],
    ids=["urls", "domains", "types"],
)
def test_filters_of_urls_look_at_the_json_of_any_local_image(
    tmp_path: Path, input_format: str, option: str, entries: str | tuple[str, ...]
) -> None:
    (tmp_path / "in").mkdir()
    stated: dict[str, object] = {
        "a": "https://a.example/x.GIF", "b": "https://b.example/x.jpg", "c": "", "d": "no url", "e": 5, "f": None,
        "g": "https://user:word@a.example/x.gif",
    }  # fmt: skip
    members = []
    for key, url in stated.items():
        record = {"url": url, "caption": f"new {key}", "language": "de"}
        members += [(f"{key}.jpg", picture(0)), (f"{key}.json", json.dumps(record).encode())]
    if input_format == "webdataset":
        write_tar(tmp_path / "in" / "0.tar", members)
    else:
        for name, body in members:
            (tmp_path / "in" / name).write_bytes(body)
    value: tuple[str, ...] = entries if isinstance(entries, tuple) else (f"{tmp_path}/list.txt",)
    if isinstance(entries, str):
        (tmp_path / "list.txt").write_text(entries)
    write_queries(tmp_path / "queries", WORDS)
    config = CollectConfig(
        input=f"{tmp_path}/in", input_format=input_format, queries=f"{tmp_path}/queries",  # type: ignore[arg-type]
        output=f"{tmp_path}/c", **{option: value},  # type: ignore[arg-type]
    )  # fmt: skip
    summary = run_collect(config, [])["summary"]
    rows = pq.read_table(tmp_path / "c" / "00000.parquet").to_pylist()
    assert {row["caption"]: row["url"] for row in rows} == {
        "new b": "https://b.example/x.jpg", **dict.fromkeys(f"new {key}" for key in "cdefg"),
    }  # fmt: skip
    assert {row["language"] for row in rows} == {"de"}
    assert sum(summary["dropped_by_reason"].values()) == 1
    assert summary["values_unfit"] == {"url": 3}
    assert summary["rejected_by_reason"] == {}
