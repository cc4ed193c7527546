"""Subsets by uid: membership as Python's sets have it, from npy and from text, in any order."""

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.filter.list_file import read_list
from pipeline.sources.tables.uids import UidSet, load_uids

U16 = np.dtype("u8,u8")


"""DataComp's dtype: high and low half."""


words = st.sampled_from([0, 1, 2**16, 2**48 - 1, 2**48, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1)


uid = st.tuples(words, words).map(lambda pair: f"{pair[0]:016x}{pair[1]:016x}")


def as_npy(uids: list[str]) -> np.ndarray:
    """As DataComp's own scripts make it."""
    return np.array([(int(text[:16], 16), int(text[16:32], 16)) for text in uids], U16)


@settings(max_examples=30)
@given(st.lists(uid, max_size=30), st.lists(uid, max_size=10), st.data())
def test_membership_is_that_of_a_set(listed: list[str], others: list[str], data: st.DataObject) -> None:
    asked = data.draw(st.permutations(listed + others))
    found = UidSet(as_npy(listed).view(np.uint64).reshape(-1, 2))
    expected = [text in set(listed) for text in asked]
    assert found.contains(pa.array(asked, pa.string())).tolist() == expected
    assert found.contains(pa.array([text.upper() for text in asked], pa.large_string())).tolist() == expected
    raw = pa.array([bytes.fromhex(text) for text in asked], pa.binary(16))
    assert found.contains(raw).tolist() == expected
    assert len(found) == len(listed)


def test_what_is_no_uid_is_not_in_the_list() -> None:
    found = UidSet(np.zeros((1, 2), dtype=np.uint64))
    asked = ["0" * 32, "0" * 31, "0" * 33, "g" * 32, "", None, "0x" + "0" * 30]
    assert found.contains(pa.array(asked)).tolist() == [True] + [False] * 6
    with pytest.raises(ValueError, match="text or 16 bytes, found int64"):
        found.contains(pa.array([0]))


@pytest.mark.parametrize("shuffled", [False, True])
def test_npy_and_text_give_the_same_set(tmp_path: Path, shuffled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.files.byte_ranges.BLOCK_BYTES", 50)
    random = np.random.default_rng(0)
    uids = sorted(random.bytes(16).hex() for _ in range(300))
    if shuffled:
        random.shuffle(uids)
    np.save(tmp_path / "u.npy", as_npy(uids))
    (tmp_path / "u.txt").write_bytes(b"\xef\xbb\xbf" + "\n".join(uids).encode())  # a byte order mark
    (tmp_path / "u.txt.gz").write_bytes(gzip.compress("\r\n".join(["", *uids, ""]).encode(), mtime=0))
    asked = pa.array(uids[::3] + [random.bytes(16).hex() for _ in range(100)])
    for name in ("u.npy", "u.txt", "u.txt.gz"):
        found = load_uids(str(tmp_path / name))
        assert len(found) == 300
        assert found.contains(asked).tolist() == [True] * 100 + [False] * 100


def test_a_list_that_is_none_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"--uids .*u\.npy: no such file"):
        load_uids(str(tmp_path / "u.npy"))
    np.save(tmp_path / "u.npy", np.zeros(3, np.int32))
    with pytest.raises(ValueError, match=r"expected rows of dtype u8,u8 \(f0, f1\), found int32 \(3,\)"):
        load_uids(str(tmp_path / "u.npy"))
    (tmp_path / "u.npy").write_bytes(b"no npy")
    with pytest.raises(ValueError, match=r"u\.npy: expected an npy file of dtype u8,u8"):
        load_uids(str(tmp_path / "u.npy"))
    (tmp_path / "u.txt").write_text("0" * 32 + "\n\n" + "0" * 31 + "\n")
    with pytest.raises(ValueError, match=r"u\.txt: line 3: expected 32 hexadecimal digits, found '0000"):
        load_uids(str(tmp_path / "u.txt"))


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def frame(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


PACKINGS = {".gz": gzipped, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": frame}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_a_damaged_list_is_named_in_one_line(tmp_path: Path, packing: str, damage: str) -> None:
    lines = "".join(f"{number:032x}\n" for number in range(2_000)).encode()
    packed = bytearray(PACKINGS[packing](lines))
    packed[100] ^= 0x55
    path = tmp_path / f"list.txt{packing}"
    path.write_bytes(packed if damage == "flipped" else PACKINGS[packing](lines)[:-20])
    with pytest.raises(ValueError, match=rf"--uids .*list\.txt{packing}: ") as uids:
        load_uids(str(path))
    assert "\n" not in str(uids.value)
    if packing != ".zst":  # fsspec's reader takes a cut one for a whole
        with pytest.raises(ValueError, match=rf"--word-block-lists .*list\.txt{packing}: "):
            read_list(str(path), "word_block_lists")
