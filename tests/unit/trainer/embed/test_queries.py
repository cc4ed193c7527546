"""The query of a sample: the first of its first caption that has one, by the sidecar of its tar."""

from pathlib import Path

import pytest

from schemas.storage import Folder
from tests.support.balanced_shards import write_balanced
from tests.support.small_shards import write_shards
from trainer.embed.queries import SampleQueries


def test_the_first_query_of_each_key(tmp_path: Path) -> None:
    samples = [[[2, 0]], None, [[], [1]], [[]], [[0]]]
    write_balanced(tmp_path, samples, num_queries=3, per_shard=3, texts=["cat", "dog", "red car"])
    queries = SampleQueries(Folder(str(tmp_path)))
    assert queries.of_tar("00000.tar") == {"000000": "red car", "000002": "dog"}
    assert queries.of_tar("00001.tar") == {"000004": "cat"}
    assert queries.of_tar("00009.tar") == {}


def test_shards_of_others_tell_none(tmp_path: Path) -> None:
    write_shards(tmp_path, 3)
    assert SampleQueries(Folder(str(tmp_path))).of_tar("00000.tar") == {}


def test_a_damaged_sidecar_is_named(tmp_path: Path) -> None:
    write_balanced(tmp_path, [[[0]]], num_queries=1)
    (tmp_path / "00000.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ValueError, match=r"00000.parquet: expected a table of samples"):
        SampleQueries(Folder(str(tmp_path))).of_tar("00000.tar")
