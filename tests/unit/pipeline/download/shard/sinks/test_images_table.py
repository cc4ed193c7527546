"""Images as a column of the table: the bytes of each, null where none came, the rest as in any shard."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.download.shard.sinks.images_table import image_column
from pipeline.download.shard.sinks.samples import ROWS_AT_ONCE
from pipeline.download.shard.write import write_shard
from schemas.sample import SHARD_TABLE
from schemas.storage import Folder
from tests.unit.pipeline.download.shard.test_write import fetched


def test_the_table_holds_the_images(tmp_path: Path) -> None:
    size = ROWS_AT_ONCE + 3
    results = [("", b"image %d" % n) if n % 2 else ("dns_failed", b"") for n in range(size)]
    plain = write_shard(Folder(str(tmp_path / "plain")), fetched(tmp_path / "a", results), "webp")
    unit = write_shard(Folder(str(tmp_path / "shards")), fetched(tmp_path / "b", results), "webp", "parquet")
    table = pq.read_table(tmp_path / "shards" / "00000.parquet")
    assert table["webp"].to_pylist() == [data or None for _, data in results]
    assert table.schema.names == [*SHARD_TABLE.names, "webp"]
    without = table.drop_columns(["webp", "members"])
    assert without.equals(pq.read_table(tmp_path / "plain" / "00000.parquet").drop_columns(["members"]))
    assert [file.name for file in unit.files] == ["00000.parquet", "rejections/00000.parquet"]
    assert unit.body["stored_bytes"] == unit.files[0].bytes
    assert plain.files[0].name == "00000.tar"


def test_a_plan_without_an_image_has_the_same_columns(tmp_path: Path) -> None:
    write_shard(Folder(str(tmp_path / "shards")), fetched(tmp_path, [("dns_failed", b"")]), "jpg", "parquet")
    found = pq.read_table(tmp_path / "shards" / "without-images-00000.parquet")
    assert found.schema.field("jpg").type == pa.binary()
    assert found["jpg"].to_pylist() == [None]


def test_the_column_does_not_take_the_name_of_another() -> None:
    assert image_column(["key", "url"], "jpg") == "jpg"
    assert image_column(["key", "JPG", "image_jpg"], "jpg") == "image_image_jpg"
