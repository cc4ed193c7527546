"""What a tar holds: the kernel finds what tarfile finds, on any names, formats, damage and parts."""

import io
import tarfile
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas import tar_contents
from schemas.file_part import FilePart, OpenFile
from schemas.kernels.tar_headers import (
    COLUMNS,
    IMAGE_AT,
    IMAGE_BYTES,
    JSON_AT,
    JSON_BYTES,
    KEY_HASH,
    ODD,
    OFFSET,
    TEXT_AT,
    TEXT_BYTES,
    WINDOW_BYTES,
    walk_headers,
)  # fmt: skip
from schemas.tar_contents import TarContents, key_of, read_contents
from tests.support.file_parts import part_of

Members = list[tuple[str, bytes]]


def tar_of(members: Members, **options: Any) -> bytes:
    sink = io.BytesIO()
    kind = options.pop("type", None)
    with tarfile.open(fileobj=sink, mode="w", format=options.pop("format", tarfile.PAX_FORMAT)) as tar:
        for name, body in members:
            info = tarfile.TarInfo(name)
            info.size = len(body)
            if kind is not None:
                info.type = kind
            for option, value in options.items():
                setattr(info, option, value)
            tar.addfile(info, io.BytesIO(body))
    return sink.getvalue()


def by_tarfile(data: bytes) -> TarContents:
    return tar_contents._read_by_tarfile(part_of(data))


def is_understood(data: bytes) -> bool:
    """Whether the kernel alone reads it."""
    part = part_of(data)
    samples = np.empty((len(data) // 1024 + 2, COLUMNS), dtype=np.int64)
    walk = walk_headers(part.fileno(), 0, len(data), 1 << 26, samples, np.empty(WINDOW_BYTES, dtype=np.uint8))
    return bool(walk.ended != ODD)


def facts(contents: TarContents) -> Any:
    return (
        contents.samples.tolist(), contents.end, contents.is_whole, contents.left_out, contents.passed_over,
        contents.damaged_at,
    )  # fmt: skip


def outcome(read: Any, *arguments: Any) -> Any:
    try:
        return facts(read(*arguments))
    except ValueError as error:
        return str(error)


def sample(number: int, image: int = 700) -> Members:
    return [(f"{number:06d}.jpg", bytes(image)), (f"{number:06d}.json", b"{}" * 20), (f"{number:06d}.txt", b"a cat")]


NAMES = st.lists(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "./", "x/", "x.y/", "x/y/", "__z__/", "@eaDir/", "é/"]),
        st.sampled_from(["a", "b", "._a", "a.b", "__m__", "_c", ".hidden", "c d", "n" * 90]),
        st.sampled_from([".jpg", ".JPG", ".png", ".webp", ".txt", ".seg.png", ".json", "", ".", ".longsuffix"]),
    ),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(
    names=NAMES, sizes=st.lists(st.sampled_from([0, 1, 511, 512, 513]), min_size=12, max_size=12),
    form=st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT]),
    mtime=st.sampled_from([0, 1700000000, 1700000000.25]), cut=st.none() | st.integers(0, 12_000),
    window=st.sampled_from([512, 1_000, 2_048, WINDOW_BYTES, tar_contents.DISK_WINDOW_BYTES]),
    before=st.sampled_from([0, 512, 777]),
)  # fmt: skip
@example(names=["a.jpg", "b.jpg", "a.txt"], sizes=[1] * 12, form=0, mtime=0, cut=None, window=512, before=1)
def test_the_kernel_finds_what_tarfile_finds(
    names: list[str], sizes: list[int], form: int, mtime: float, cut: int | None, window: int, before: int
) -> None:
    try:
        data = tar_of([(name, bytes(size)) for name, size in zip(names, sizes, strict=False)], format=form, mtime=mtime)
    except ValueError:  # a name that ustar cannot hold
        return
    data = data[:cut]
    with mock.patch.multiple(tar_contents, WINDOW_BYTES=window, DISK_WINDOW_BYTES=window):
        found = outcome(read_contents, part_of(data, before=b"\1" * before))
    assert found == outcome(by_tarfile, data)


@settings(max_examples=100, deadline=None)
@given(place=st.integers(0, 8 * 512), value=st.integers(0, 255))
def test_a_changed_byte_is_read_as_tarfile_reads_it(place: int, value: int) -> None:
    data = bytearray(tar_of([*sample(0, 300), *sample(1, 300)]))
    data[place] = value
    assert outcome(read_contents, part_of(bytes(data))) == outcome(by_tarfile, bytes(data))


@settings(max_examples=200, deadline=None)
@given(
    archives=st.lists(st.integers(0, 3), min_size=1, max_size=3),
    zeros=st.lists(st.integers(0, 5) | st.sampled_from([40, 5_000]), min_size=3, max_size=3),
    zeroed=st.none() | st.integers(0, 40), behind=st.sampled_from([b"", b"\1", b"x" * 700, bytes(100)]),
)  # fmt: skip
def test_behind_zeros_the_kernel_finds_what_tarfile_finds(
    archives: list[int], zeros: list[int], zeroed: int | None, behind: bytes
) -> None:
    data = bytearray()
    for number, (count, blocks) in enumerate(zip(archives, zeros, strict=False)):
        members = [member for i in range(count) for member in sample(10 * number + i)]
        data += tar_of(members)[: count * 3584] + bytes(512 * blocks)
    if zeroed is not None and zeroed * 512 < len(data):
        data[zeroed * 512 : zeroed * 512 + 512] = bytes(512)
    assert outcome(read_contents, part_of(bytes(data) + behind)) == outcome(by_tarfile, bytes(data) + behind)


def test_archives_one_behind_the_other_are_read_by_the_kernel() -> None:
    first, second = tar_of([*sample(0), *sample(1)]), tar_of([*sample(2)])
    data = first + bytes(3 << 20) + second
    found = read_contents(part_of(data))
    assert is_understood(data)
    assert [key_of(part_of(data), row) for row in found.samples] == ["000000", "000001", "000002"]
    assert (found.is_whole, found.damaged_at) == (True, -1)
    assert data[found.end :] == bytes(len(data) - found.end)


@pytest.mark.parametrize("header", [0, 2, 9])
def test_behind_a_zeroed_header_the_walk_goes_on(header: int) -> None:
    members = [(f"{number}{suffix}", b"\xff" * 500) for number in range(4) for suffix in (".jpg", ".json", ".txt")]
    data, place = bytearray(tar_of(members)), header * 1024
    data[place : place + 512] = bytes(512)
    found = read_contents(part_of(bytes(data)))
    assert (len(found.samples), found.is_whole, found.damaged_at) == (4 - (header % 3 == 0), False, place)
    assert outcome(by_tarfile, bytes(data)) == facts(found)


def test_what_is_no_header_behind_the_end_is_told() -> None:
    data = tar_of(sample(0))
    found = read_contents(part_of(data + b"junk" * 1_000))
    assert (len(found.samples), found.is_whole, found.damaged_at) == (1, False, len(data))


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("mtime", [0, 1700000000.25])
def test_what_writers_write_needs_no_tarfile(form: int, mtime: float) -> None:
    """webdataset's writer notes times with fractions, which are a header of their own in the pax format."""
    data = tar_of([*sample(0), *sample(1)], format=form, mtime=mtime)
    assert is_understood(data)
    assert read_contents(part_of(data)).samples.shape == (2, COLUMNS)


def test_where_the_members_are() -> None:
    data = tar_of([("text.txt", b"no image"), *sample(3, 1000), *sample(4, 20)])
    found = read_contents(part_of(data))
    assert found.left_out == {"image_missing": 1}
    for number, row in zip((3, 4), found.samples.tolist(), strict=True):
        assert data[row[OFFSET] :].startswith(f"{number:06d}.jpg".encode())
        assert (row[IMAGE_AT], row[IMAGE_BYTES]) == (row[OFFSET] + 512, {3: 1000, 4: 20}[number])
        assert data[row[JSON_AT] : row[JSON_AT] + row[JSON_BYTES]] == b"{}" * 20
        assert data[row[TEXT_AT] : row[TEXT_AT] + row[TEXT_BYTES]] == b"a cat"
        assert row[KEY_HASH] == tar_contents.key_hash(f"{number:06d}")
        assert key_of(part_of(data), np.array(row)) == f"{number:06d}"
    assert data[found.end :] == bytes(len(data) - found.end)


def test_the_image_is_the_first_of_the_formats_whatever_its_place() -> None:
    data = tar_of([("a.webp", b"w"), ("a.png", b"p"), ("a.jpg", b"jj"), ("a.seg.png", b"mask")])
    assert read_contents(part_of(data)).samples[0, IMAGE_BYTES] == 2


@given(st.integers(0, 11), st.integers(1, 11))
def test_a_part_holds_the_samples_between(first: int, count: int) -> None:
    data = tar_of([member for number in range(12) for member in sample(number, 100 * number + 1)])
    whole = read_contents(part_of(data)).samples
    begins = [*whole[:, OFFSET].tolist(), read_contents(part_of(data)).end]
    last = min(first + count, 12)
    part = read_contents(part_of(data[begins[first] : begins[last]]))
    moved = whole[first:last].copy()
    for column in (OFFSET, IMAGE_AT, JSON_AT, TEXT_AT):
        moved[:, column] -= begins[first]
    assert part.samples.tolist() == moved.tolist()
    assert not part.is_whole


@pytest.mark.parametrize("members", [[("a.jpg", b"1"), ("a.txt", b"x"), ("a.jpg", b"2")],
                                     [("é.jpg", b"1"), ("é.txt", b"x"), ("é.txt", b"y")]])  # fmt: skip
def test_a_member_twice_is_an_error_that_names_the_place(members: Members) -> None:
    with pytest.raises(ValueError, match=r"^a\.tar: at byte \d+ a sample has a member of a suffix for the second time"):
        read_contents(part_of(tar_of(members)))


@pytest.mark.parametrize(
    "data", [b"PK\3\4" + bytes(2_000), b"\x1f\x8b\x08" + bytes(600), b"<html>" * 200], ids=["zip", "gzip", "html"]
)
def test_what_is_no_tar_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^a\.tar: expected a tar file, "):
        read_contents(part_of(data))


def test_an_empty_tar_has_no_sample() -> None:
    found = read_contents(part_of(tar_of([])))
    assert (found.samples.shape, found.is_whole, found.end) == ((0, COLUMNS), True, 0)


def test_images_are_stepped_over(tmp_path: Path) -> None:
    path, sizes = tmp_path / "a.tar", {"a.jpg": tar_contents.MAX_IMAGE_BYTES + 1, "b.bin": 1 << 30}
    with path.open("wb") as sink:
        for name, size in sizes.items():
            header = tarfile.TarInfo(name)
            header.size = size
            sink.write(header.tobuf())
            sink.seek(-(-size // 512) * 512, io.SEEK_CUR)  # a hole
        sink.write(tar_of(sample(1)))
    part = FilePart(OpenFile(path), 0, path.stat().st_size, str(path))
    read_contents(part)  # the kernel is compiled, or read
    before = bytes_read()
    found = read_contents(part)
    assert bytes_read() - before <= 4 * tar_contents.DISK_WINDOW_BYTES
    assert len(found.samples) == 1
    assert found.left_out == {"image_size": 1, "image_missing": 1}


def bytes_read() -> int:
    """Return how many bytes this process has had from files."""
    return int(Path("/proc/self/io").read_text().split()[1])
