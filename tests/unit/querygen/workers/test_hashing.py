"""Hashes of inputs: by content; the same content twice is refused."""

import hashlib
from pathlib import Path

import pytest

from querygen.workers.hashing import digests


def test_name_size_and_hash_of_each_file(tmp_path: Path) -> None:
    for name, data in (("a", b"one"), ("b", b"x" * (3 << 20))):
        (tmp_path / name).write_bytes(data)
    assert digests([str(tmp_path / "b"), str(tmp_path / "a")]) == [
        {"name": "b", "bytes": 3 << 20, "sha256": hashlib.sha256(b"x" * (3 << 20)).hexdigest()},
        {"name": "a", "bytes": 3, "sha256": hashlib.sha256(b"one").hexdigest()},
    ]


def test_the_same_bytes_twice_would_count_twice(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"one")
    with pytest.raises(ValueError, match=r"/b has the same bytes as .*/a; give each file once"):
        digests([str(tmp_path / "a"), str(tmp_path / "b")])


def test_empty_files_may_repeat(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"")
    assert [found["bytes"] for found in digests([str(tmp_path / "a"), str(tmp_path / "b")])] == [0, 0]
