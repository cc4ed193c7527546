"""Our own shards as input of collect: every caption comes back, with the ids that the shard states."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from schemas.run_record import FolderConflict
from tests.conftest import write_queries
from tests.download_support import serving
from tests.made_shards import MadeShards, make_shards

WORDS = ["bild", "again", "photo", "last", "further", "still", "new"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeShards]:
    with serving() as web:
        yield make_shards(tmp_path_factory.mktemp("given"), web)


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
