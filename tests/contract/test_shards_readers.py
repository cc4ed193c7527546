"""Shards as others read them: plain webdataset, tarfile, Parquet; also a shard without any image."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import webdataset as wds
from PIL import Image

from pipeline.download.config import DownloadConfig
from pipeline.download.job import run_download
from schemas.sample import SHARD_TABLE
from schemas.stored_ids import stored_schema
from tests.download_support import Web, make_selection, serving
from tests.waiting import PATIENCE_S


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory, web: Web) -> Path:
    """Three shards: images with one and two captions and a dead link; only dead links; one image."""
    folder = tmp_path_factory.mktemp("contract")
    many = [(web.url(f"good/{number}"), f"Bild {number}: größe") for number in range(6)]
    many += [(web.url("good/0"), "again"), (web.url("status/404"), "dead")]
    make_selection(
        str(folder / "selection"), [many, [(web.url("status/410"), "dead too")], [(web.url("good/9"), "last")]]
    )
    run_download(
        DownloadConfig(
            selection=str(folder / "selection"),
            output=str(folder / "shards"),
            allow_private_addresses=True,
            timeout_s=PATIENCE_S,
            num_decode_processes=1,
            image_size=48,
        )
    )
    return folder / "shards"


def test_plain_webdataset_reads_them(shards: Path) -> None:
    urls = [str(path) for path in sorted(shards.glob("*.tar"))]
    assert len(urls) == 3
    samples = list(wds.WebDataset(urls, shardshuffle=False).decode("pil").to_tuple("__key__", "jpg", "txt", "json"))
    assert len(samples) == 7
    assert [key for key, *_ in samples[:6]] == sorted(key for key, *_ in samples[:6])
    for key, image, text, fields in samples:
        assert isinstance(image, Image.Image)
        assert min(image.size) == 48
        assert text == fields["caption"] == fields["captions"][0]
        assert fields["key"] == fields["image_id"] == key
        assert len(fields["captions"]) == len(fields["pair_ids"]) == len(fields["query_ids"])
        assert len(fields["sha256"]) == 64
    assert sorted(len(fields["captions"]) for *_, fields in samples) == [1] * 6 + [2]


def test_the_pipeline_open_clip_builds_reads_them(shards: Path) -> None:
    """The stages of open_clip's evaluation pipeline; sizes.json gives its length."""
    urls = [str(path) for path in sorted(shards.glob("*.tar"))]
    pipeline = wds.DataPipeline(
        wds.SimpleShardList(urls),
        wds.split_by_worker,
        wds.tarfile_to_samples(handler=wds.warn_and_continue),
        wds.select(_has_image_and_text),
        wds.decode("pilrgb", handler=wds.warn_and_continue),
        wds.rename(image="jpg;png;jpeg;webp", text="txt"),
        wds.to_tuple("image", "text"),
        wds.batched(4, partial=True),
    )
    sizes = json.loads((shards / "sizes.json").read_text())
    assert sum(len(texts) for _, texts in pipeline) == sum(sizes.values()) == 7
    assert sorted(sizes) == [Path(url).name for url in urls]
    assert sizes["00001.tar"] == 0


def _has_image_and_text(sample: dict) -> bool:
    return "txt" in sample and "jpg" in sample


def test_the_table_has_a_row_for_every_image(shards: Path) -> None:
    tables = [pq.read_table(path) for path in sorted(shards.glob("0*.parquet"))]
    assert all(table.schema.equals(stored_schema(SHARD_TABLE)) for table in tables)
    rows = [row for table in tables for row in table.to_pylist()]
    assert sorted(row["status"] for row in rows) == ["failed_to_download"] * 2 + ["success"] * 7
    for row in rows:
        assert row["key"] == row["image_id"].hex()
        assert (row["reason"] is None) == (row["status"] == "success") == (row["error_message"] is None)
        assert (row["width"] is not None) == (row["status"] == "success") == (row["sha256"] is not None)
    failed = [row for row in rows if row["reason"]]
    assert [(row["reason"], row["retryable"]) for row in failed] == [("http_error", False)] * 2
    assert sorted(row["error_message"] for row in failed) == ["HTTP status 404", "HTTP status 410"]


def test_table_and_samples_agree(shards: Path) -> None:
    rows = {row["key"]: row for row in pq.read_table(shards / "00000.parquet").to_pylist()}
    for sample in wds.WebDataset(str(shards / "00000.tar"), shardshuffle=False):
        row, fields = rows[sample["__key__"]], json.loads(sample["json"])
        for name in ("url", "caption", "captions", "query_ids", "sha256", "width", "height", "original_width"):
            assert fields[name] == row[name], name
        assert fields["pair_ids"] == [pair_id.hex() for pair_id in row["pair_ids"]]
        assert Image.open(io.BytesIO(sample["jpg"])).size == (row["width"], row["height"])
