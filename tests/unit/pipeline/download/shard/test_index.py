"""What is noted while a tar is written is what its headers say."""

import io
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.download.shard.index import NOTED, SampleOffsets, index_tables
from pipeline.download.shard.tar import add_member, open_tar, position_of
from schemas.json_object import parse_object
from schemas.shard_index import STRIDE, index_row
from schemas.storage import FileRecord, canonical_json
from schemas.tar_contents import read_contents
from tests.support.file_parts import part_of


def written(sizes: list[int]) -> tuple[bytes, dict[str, Any]]:
    """Return a tar of images of `sizes` with captions, and what is noted of it."""
    sink, offsets = io.BytesIO(), SampleOffsets()
    places = []
    with open_tar(sink) as tar:
        for number, size in enumerate(sizes):
            begin = position_of(tar)
            places.append((add_member(tar, f"{number:05d}", ".jpg", bytes([number % 256]) * size), size))
            add_member(tar, f"{number:05d}", ".txt", b"caption")
            offsets.add(begin, size, position_of(tar))
    for number, (at, size) in enumerate(places):
        assert sink.getvalue()[at : at + size] == bytes([number % 256]) * size
    return sink.getvalue(), offsets.noted()


def plan_of(shard: int, data: bytes, body: dict[str, Any]) -> Any:
    stats = parse_object(canonical_json(body), f"{shard:05d}_stats.json")
    files = [FileRecord(f"{shard:05d}.tar", 1, len(data), "")]
    return SimpleNamespace(shard=shard, unit=SimpleNamespace(body=stats, files=files))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(1, 2_000), min_size=1, max_size=3 * STRIDE), min_size=1, max_size=3))
def test_the_rows_are_those_of_the_headers(tars: list[list[int]]) -> None:
    plans, rows = [], []
    for shard, sizes in enumerate(tars):
        data, noted = written(sizes)
        plans.append(plan_of(shard, data, {NOTED: noted, "successes": len(sizes)}))
        part = part_of(data)
        rows += index_row(f"{shard:05d}.tar", read_contents(part), part).to_pylist()
    found = [row for table in index_tables(reversed(plans)) for row in table.to_pylist()]
    assert found == rows


@pytest.mark.parametrize(
    ("noted", "told"),
    [
        ([], "expected 'index' to be an object"),
        ({"offsets": [0], "image_bytes": 1, "end": 1024}, "expected a row of a shard index"),
        ({"offsets": "0 x", "image_bytes": 1, "end": 1024}, "expected a row of a shard index"),
        ({"offsets": f"0 {1 << 70}", "image_bytes": 1, "end": 1024}, "expected a row of a shard index"),
        ({"offsets": "0", "image_bytes": 1, "end": 1 << 40}, r"the row of 00000\.tar is that of no tar"),
        ({"offsets": "0"}, "expected a key 'image_bytes'"),
    ],
    ids=["list", "offsets as list", "word", "too large", "end", "missing"],
)
def test_damaged_stats_are_named(noted: object, told: str) -> None:
    with pytest.raises(ValueError, match=rf"^00000_stats\.json: {told}"):
        list(index_tables([plan_of(0, bytes(10_240), {NOTED: noted, "successes": 1})]))
