"""Shards as others read them with what the main environment holds: plain webdataset, tarfile, Parquet, pandas 2."""

import json
from collections.abc import Iterator
from pathlib import Path

import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import webdataset as wds
from PIL import Image

from pipeline.balance.refill.earlier import read_rounds
from schemas.sample import MISSING, SAMPLE_KEYS, extra_names, further_captions_schema, shard_schema
from schemas.storage import Folder
from schemas.stored_ids import stored_schema
from tests.support.download import serving
from tests.support.made_shards import EXTRA, IMAGE_SIZE, MadeShards, make_shards


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeShards]:
    with serving() as web:
        yield make_shards(tmp_path_factory.mktemp("contract"), web)


def samples_of(made: MadeShards) -> list[tuple]:
    urls = [str(path) for path in made.tars]
    return list(wds.WebDataset(urls, shardshuffle=False).decode("pil").to_tuple("__key__", "jpg", "txt", "json"))


def test_tars_are_numbered_without_holes_and_none_is_empty(made: MadeShards) -> None:
    sizes = json.loads((made.folder / "sizes.json").read_text())
    assert [path.name for path in made.tars] == [f"{number:05d}.tar" for number in range(3)] == sorted(sizes)
    for path in made.tars:
        assert len(list(wds.WebDataset(str(path), shardshuffle=False))) == sizes[path.name] > 0
        assert path.with_suffix(".parquet").exists()
        stats = json.loads(path.with_name(f"{path.stem}_stats.json").read_text())
        assert stats["successes"] == sizes[path.name]


def test_plain_webdataset_reads_them(made: MadeShards) -> None:
    samples = samples_of(made)
    assert len(samples) == made.num_samples
    assert len({key for key, *_ in samples}) == made.num_samples
    for key, image, text, fields in samples:
        assert isinstance(image, Image.Image)
        assert min(image.size) == IMAGE_SIZE
        assert text == fields["caption"] == fields["captions"][0]
        assert fields["key"] == fields["image_id"] == key
        assert len(fields["captions"]) == len(fields["pair_ids"]) == len(fields["query_ids"])
        assert len(fields["sha256"]) == 64
    assert sorted(len(fields["captions"]) for *_, fields in samples) == [1] * 12 + [2]


def json_type(value: object) -> object:
    if isinstance(value, dict):
        return {key: json_type(item) for key, item in value.items()}
    return [json_type(value[0])] if isinstance(value, list) else type(value)


def test_every_json_has_the_same_keys_and_types_and_no_null(made: MadeShards) -> None:
    found = [fields for *_, fields in samples_of(made)]
    names = list(extra_names(EXTRA).values())
    assert names == ["similarity", "seen", "extra_WIDTH", "tag"]
    assert all(sorted(fields) == sorted([*SAMPLE_KEYS, *names, MISSING]) for fields in found)
    assert all(json_type(fields) == json_type(found[0]) for fields in found)
    assert {type(fields["similarity"]) for fields in found} == {float}
    assert {fields["image_ref"]["root"] for fields in found} == {"", "photos"}
    by_caption = {fields["caption"]: fields for fields in found}
    assert by_caption["Bild 5: größe"]["similarity"] == 5.5
    assert by_caption["Bild 5: größe"][MISSING] == "extra_WIDTH,tag"
    assert by_caption["last 7"][MISSING] == "similarity,seen"
    assert by_caption["photo 1"] == by_caption["photo 1"] | {
        "url": "", "license": "CC BY", "image_ref": {"root": "photos", "member": "1.png"},
    }  # fmt: skip
    assert next(fields for fields in found if "again" in fields["captions"])["license"] == "CC0"


def test_the_pipeline_open_clip_builds_reads_them(made: MadeShards) -> None:
    """The stages of open_clip's evaluation pipeline; sizes.json gives its length."""
    pipeline = wds.DataPipeline(
        wds.SimpleShardList([str(path) for path in made.tars]),
        wds.split_by_worker,
        wds.tarfile_to_samples(handler=wds.warn_and_continue),
        wds.select(_has_image_and_text),
        wds.decode("pilrgb", handler=wds.warn_and_continue),
        wds.rename(image="jpg;png;jpeg;webp", text="txt"),
        wds.to_tuple("image", "text"),
        wds.batched(4, partial=True),
    )
    assert sum(len(texts) for _, texts in pipeline) == made.num_samples


def _has_image_and_text(sample: dict) -> bool:
    return "txt" in sample and "jpg" in sample


def image_rows(made: MadeShards) -> list[dict]:
    tables = [pq.read_table(path) for path in sorted(made.folder.glob("*.parquet"))]
    assert all(table.schema.equals(stored_schema(shard_schema(EXTRA))) for table in tables)
    return pa.concat_tables(tables).to_pylist()


def test_the_table_has_a_row_for_every_image(made: MadeShards) -> None:
    rows = image_rows(made)
    assert len(rows) == made.num_images
    for row in rows:
        assert row["key"] == row["image_id"].hex()
        assert (row["reason"] is None) == (row["status"] == "success") == (row["error_message"] is None)
        assert (row["width"] is not None) == (row["status"] == "success") == (row["sha256"] is not None)
        assert (row["url"] is None) == (row["image_ref"] is not None)
    failed = [row for row in rows if row["reason"]]
    assert [(row["reason"], row["retryable"]) for row in failed] == [("http_error", False)] * 3
    assert sorted(row["error_message"] for row in failed) == [f"HTTP status {status}" for status in (403, 404, 410)]


def test_a_plan_without_an_image_stands_beside_the_numbers(made: MadeShards) -> None:
    assert len(pq.read_table(made.folder / "without-images-00001.parquet")) == 2
    stats = json.loads((made.folder / "without-images-00001_stats.json").read_text())
    assert (stats["plan"], stats["count"], stats["successes"]) == (1, 2, 0)
    assert not list(made.folder.glob("without-images-*.tar"))


def test_table_and_samples_agree(made: MadeShards) -> None:
    rows = {row["key"]: row for row in image_rows(made)}
    names = extra_names(EXTRA)
    for key, image, _, fields in samples_of(made):
        row = rows[key]
        for name in ("caption", "captions", "query_ids", "sha256", "width", "height", "original_width"):
            assert fields[name] == row[name], name
        assert fields["url"] == (row["url"] or "")
        assert fields["license"] == (row["license"] or "")
        assert fields["pair_ids"] == [pair_id.hex() for pair_id in row["pair_ids"]]
        assert image.size == (row["width"], row["height"])
        missing = fields[MISSING].split(",")
        for name, column in names.items():
            assert row[column] == row["extra"][0][name]
            assert fields[column] == row[column] or (row[column] is None and column in missing)
        assert len(row["extra"]) == len(row["captions"])


def test_further_captions_are_by_key_and_no_image_is_stored_twice(made: MadeShards) -> None:
    table = pq.read_table(made.folder / "further_captions" / "00003.parquet")
    assert table.schema.equals(stored_schema(further_captions_schema(EXTRA)))
    url_of = {row["key"]: row["url"] for row in image_rows(made)}
    assert {url_of[row["key"]]: sorted(row["captions"]) for row in table.to_pylist()} == made.further
    assert [len(row["extra"]) for row in table.to_pylist()] == [len(row["captions"]) for row in table.to_pylist()]
    assert table["key"].to_pylist() == sorted(table["key"].to_pylist())


def test_rounds_are_told_apart_by_their_plans(made: MadeShards) -> None:
    """The refill's plan 3 is shard 1 now."""
    folder = Folder(str(made.folder))
    whole, first = read_rounds([folder]), read_rounds([folder], 3)
    assert [(found.num_plans, found.num_shards, len(found.stored_images)) for found in (whole, first)] == [
        (4, 3, 13), (3, 2, 12),
    ]  # fmt: skip
    assert len(whole.earlier.failed_images) == len(first.earlier.failed_images) == 3
    further = sum(map(len, made.further.values()))
    assert len(whole.earlier.selected_pairs) == len(first.earlier.selected_pairs) + 1 + further


def test_types_are_those_spark_knows_by_its_rules(made: MadeShards) -> None:
    """No fixed_len_byte_array (before 3.4), no nanoseconds; no two names that differ in case alone."""
    for path in sorted(made.folder.parent.rglob("*.parquet")):
        schema = pq.read_schema(path)
        columns = [pq.ParquetFile(path).schema.column(number) for number in range(pq.read_metadata(path).num_columns)]
        assert {column.physical_type for column in columns} <= {
            "BOOLEAN",
            "INT32",
            "INT64",
            "FLOAT",
            "DOUBLE",
            "BYTE_ARRAY",
        }
        assert not [column for column in columns if "NANO" in str(column.logical_type)]
        assert len({name.lower() for name in schema.names}) == len(schema.names), path


def test_pandas_2_reads_every_table(made: MadeShards) -> None:
    assert pandas.__version__.startswith("2.")
    selection = made.folder.parent / "selection"
    names = [str(path) for folder in (made.folder, selection) for path in sorted(folder.rglob("*.parquet"))]
    assert {Path(name).parent.name for name in names} == {
        "shards", "further_captions", "rejections", "tables", "selection",
    }  # fmt: skip
    for name in names:
        assert len(pandas.read_parquet(name)) == pq.read_metadata(name).num_rows
    frame = pandas.read_parquet(made.folder / "00000.parquet")
    row = frame.iloc[3]
    assert frame[frame.image_id == bytes.fromhex(row.key)].index.tolist() == [3]
    assert all(isinstance(pair_id, bytes) and len(pair_id) == 16 for pair_id in row.pair_ids)
