"""The rows of a shard's table: what became of each image, in img2dataset's words."""

import numpy as np
import pyarrow as pa

from pipeline.download.outcome import Failure
from pipeline.download.shard.plan import ShardImages
from pipeline.download.shard.table import ImageResult, shard_table
from schemas.buffers import ID
from schemas.candidate import IMAGE_REF, QUERY_IDS
from schemas.sample import further_captions_schema, shard_schema


def images(num: int, extra: pa.StructType) -> ShardImages:
    columns = {
        "key": pa.array([f"{n:032x}" for n in range(num)]),
        "image_id": pa.array([n.to_bytes(16, "big") for n in range(num)], ID),
        "url": pa.array([f"http://a/{n}" for n in range(num)]),
        "image_ref": pa.nulls(num, IMAGE_REF),
        "license": pa.nulls(num, pa.string()),
        "caption": pa.array([f"first {n}" for n in range(num)]),
        "captions": pa.array([[f"first {n}", "second"] for n in range(num)]),
        "pair_ids": pa.array([[bytes(16), bytes(16)]] * num, pa.list_(ID)),
        "query_ids": pa.array([[[1], [2, 3]]] * num, pa.list_(QUERY_IDS)),
    }
    if extra.num_fields:
        values = [[{"score": n / 2, "width": f"w{n}"}, {"score": None, "width": "other"}] for n in range(num)]
        columns["extra"] = pa.array(values, pa.list_(extra))
    return ShardImages(pa.table(columns), np.arange(num), further_captions_schema(extra).empty_table(), extra)


RESULTS = [
    ImageResult(None, 200, 10, 20, 30, 40, "ab", 5, 7),
    ImageResult(Failure("http_error", 503, retryable=True), 503),
    ImageResult(Failure("not_an_image"), 200),
]


def test_successes_and_failures_are_told() -> None:
    table = shard_table(images(3, pa.struct([])), RESULTS)
    assert table.schema.equals(shard_schema(pa.struct([])))
    names = ("status", "reason", "error_message", "retryable", "http_status", "width", "sha256")
    assert [tuple(row[name] for name in names) for row in table.to_pylist()] == [
        ("success", None, None, False, 200, 10, "ab"),
        ("failed_to_download", "http_error", "HTTP status 503", True, 503, None, None),
        ("failed_to_resize", "not_an_image", "the bytes are no image", False, 200, None, None),
    ]
    assert table["caption"].to_pylist() == ["first 0", "first 1", "first 2"]


def test_carried_columns_are_those_of_the_first_caption() -> None:
    extra = pa.struct([("score", pa.float64()), ("width", pa.string())])
    table = shard_table(images(3, extra), RESULTS)
    assert table.schema.equals(shard_schema(extra))
    assert table["score"].to_pylist() == [0.0, 0.5, 1.0]
    assert table["extra_width"].to_pylist() == ["w0", "w1", "w2"]
    assert table["width"].to_pylist() == [10, None, None]
    assert table["extra"][1].as_py()[1] == {"score": None, "width": "other"}


def test_no_images_are_a_table_too() -> None:
    extra = pa.struct([("score", pa.float64()), ("width", pa.string())])
    assert shard_table(images(0, extra), []).equals(shard_schema(extra).empty_table())
