"""The samples of tars: webdataset's own grouping on any names, side files, members apart, damage."""

import contextlib
import io
import tarfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from webdataset import tariterators

from schemas.tar_samples import TarSample, TarSamples


def tar_of(members: list[tuple[str, bytes]], kinds: dict[str, bytes] | None = None) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        for name, body in members:
            info = tarfile.TarInfo(name)
            info.size = len(body)
            if kinds and name in kinds:
                info.type, info.size, info.linkname = kinds[name], 0, "somewhere"
                body = b""
            tar.addfile(info, io.BytesIO(body))
    return sink.getvalue()


def grouped(data: bytes) -> tuple[list[tuple[str, list[str]]], TarSamples]:
    samples = TarSamples(io.BytesIO(data))
    return [(sample.key, [member.name for member in sample.members]) for sample in samples], samples


NAMES = st.lists(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "./", "x/", "x.y/", "x/y/", "__z__/"]),
        st.sampled_from(["a", "b", "._a", "a.b", "__m__", ".hidden", "c d"]),
        st.sampled_from([".jpg", ".JPG", ".txt", ".seg.png", ".json", "", "."]),
    ),
    max_size=12,
)


@given(NAMES)
def test_samples_are_those_of_webdataset(names: list[str]) -> None:
    # its pattern takes the folder of "x/._a.jpg" for a key
    names = [name for name in names if "/." not in name.removeprefix("./")]
    data = tar_of([(name, name.encode()) for name in names])
    files = list(tariterators.tar_file_iterator(io.BytesIO(data)))
    for file in files:
        file["__url__"] = "a.tar"
    try:
        expected = list(tariterators.group_by_keys(iter(files)))
    except ValueError:  # webdataset stops at a suffix that a sample has twice
        assume(False)
    keys = {sample["__key__"] for sample in expected}
    assume(len({key.removeprefix("./") for key in keys}) == len(keys))  # one key to us alone: see the test below
    found = [(sample.key, {member.suffix[1:] for member in sample.members}) for sample in TarSamples(io.BytesIO(data))]
    wanted = [(sample["__key__"].removeprefix("./"), set(sample) - {"__key__", "__url__"}) for sample in expected]
    assert found == wanted


@given(NAMES)
def test_every_member_is_in_a_sample_or_counted(names: list[str]) -> None:
    found, samples = grouped(tar_of([(name, b"") for name in names]))
    assert sum(len(members) for _, members in found) + samples.passed_over.total() == len(names)
    assert samples.num_members == len(names)


def test_a_side_file_does_not_end_the_sample_it_stands_in() -> None:
    names = ["./._000.jpg", "./000.jpg", "./._000.txt", "./000.txt", "README", "./000.json"]
    found, samples = grouped(tar_of([(name, b"x") for name in names]))
    assert found == [("000", ["000.jpg", "000.txt", "000.json"])]
    assert samples.passed_over == Counter(side_file=2, member_without_suffix=1)


def test_a_leading_dot_and_slash_is_no_part_of_a_key_to_us_and_one_to_webdataset() -> None:
    data = tar_of([(name, b"x") for name in ("a.jpg", "./a.txt", "./b.jpg", "b.txt", "././c.jpg")])
    assert grouped(data)[0] == [("a", ["a.jpg", "a.txt"]), ("b", ["b.jpg", "b.txt"]), ("./c", ["./c.jpg"])]
    files = [{**file, "__url__": "a.tar"} for file in tariterators.tar_file_iterator(io.BytesIO(data))]
    theirs = [sample["__key__"] for sample in tariterators.group_by_keys(iter(files))]
    assert theirs == ["a", "./a", "./b", "b", "././c"]


def test_links_and_devices_are_counted_and_folders_are_not_members() -> None:
    kinds = {"b.jpg": tarfile.LNKTYPE, "c.jpg": tarfile.SYMTYPE, "d.jpg": tarfile.CHRTYPE, "x": tarfile.DIRTYPE}
    found, samples = grouped(tar_of([(name, b"x") for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg", "x")], kinds))
    assert found == [("a", ["a.jpg"])]
    assert samples.passed_over == Counter(member_no_file=3)
    assert samples.num_members == 4


def test_a_key_that_stood_before_is_told() -> None:
    names = ["a.jpg", "b.jpg", "a.txt", "b.txt", "c.jpg", "c.txt"]
    told = [(sample.key, sample.seen_before) for sample in TarSamples(io.BytesIO(tar_of([(n, b"") for n in names])))]
    assert told == [("a", False), ("b", False), ("a", True), ("b", True), ("c", False)]


def test_texts_are_read_on_the_way() -> None:
    data = tar_of([("a.txt", b"one"), ("a.jpg", b"x" * 2000), ("a.json", b"{}"), ("b.TXT", b"long text")])
    found = list(TarSamples(io.BytesIO(data), (".txt", ".json"), 6))
    assert [sample.texts for sample in found] == [{".txt": b"one", ".json": b"{}"}, {".txt": b"long t"}]


def test_a_sample_without_end_takes_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.tar_samples.MAX_MEMBERS_OF_SAMPLE", 10)
    monkeypatch.setattr("schemas.tar_samples.MAX_KEYS_REMEMBERED", 2)
    names = [f"a.{number}" for number in range(15)] + ["b.jpg", "c.jpg", "c.txt", "b.txt", "a.txt"]
    found, samples = grouped(tar_of([(name, b"") for name in names]))
    assert [len(members) for _, members in found] == [10, 1, 2, 1, 1]
    assert samples.passed_over == Counter(too_many_members=5)


@pytest.mark.parametrize("cut", [1536, 2048, 2500, 3000])
def test_what_is_whole_of_a_cut_tar_is_given(cut: int) -> None:
    data = tar_of([("a.jpg", b"x" * 500), ("b.jpg", b"y" * 500), ("c.jpg", b"z" * 500)])
    found: list[TarSample] = []
    samples = TarSamples(io.BytesIO(data[:cut]))
    with contextlib.suppress(tarfile.ReadError):
        found.extend(samples)
    members = [member.name for sample in found for member in sample.members]
    assert members == ["a.jpg", "b.jpg", "c.jpg"][: cut // 1024]
    assert not samples.is_whole


@pytest.mark.parametrize("zeros", [0, 1, 100_000])
def test_archives_one_behind_the_other_are_one(zeros: int) -> None:
    first, second = tar_of([("a.jpg", b"x")]), tar_of([("b.jpg", b"y"), ("c.jpg", b"z")])
    found, samples = grouped(first + bytes(512 * zeros) + second)
    assert [key for key, _ in found] == ["a", "b", "c"]
    assert (samples.is_whole, samples.damaged_at) == (True, -1)


def test_a_zeroed_header_loses_its_member_and_is_told() -> None:
    data = bytearray(tar_of([(f"{key}.jpg", b"x" * 900) for key in "abcd"]))
    data[1536:2048] = bytes(512)
    found, samples = grouped(bytes(data))
    assert [key for key, _ in found] == ["a", "c", "d"]
    assert (samples.is_whole, samples.damaged_at) == (False, 1536)


def test_a_whole_tar_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    data = bytearray(tar_of([("a.jpg", b"x"), ("b.jpg", b"y")]))
    _, samples = grouped(bytes(data))
    assert samples.is_whole
    data[1024:1536] = b"\xff" * 512
    found, samples = grouped(bytes(data))
    assert (found, samples.is_whole) == ([("a", ["a.jpg"])], False)
