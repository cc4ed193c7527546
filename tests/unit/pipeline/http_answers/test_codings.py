"""Content codings: what holds is undone, what does not is none, and nothing takes more memory than it was given."""

import gzip
import hashlib
import zlib
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.http_answers.codings import MAX_CODINGS, Decoded, decoded, is_binary, is_plain

PAGE = b"<!doctype html>" + b"".join(b"<img src=%d.jpg alt='cat %d'>" % (n, n * 7919 % 101) for n in range(200))


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: gzip.compress(body, mtime=0),
    "x-gzip": lambda body: gzip.compress(body, mtime=0),
    "deflate": zlib.compress,
    "br": lambda body: bytes(pa.compress(body, "brotli", asbytes=True)),
    "zstd": lambda body: bytes(pa.compress(body, "zstd", asbytes=True)),
}
MARKED = ["gzip", "x-gzip", "zstd"]


@given(body=st.binary(max_size=3_000), codings=st.lists(st.sampled_from(sorted(PACKERS)), max_size=4))
def test_whatever_was_packed_comes_back(body: bytes, codings: list[str]) -> None:
    packed = PAGE + body
    for name in codings:
        packed = PACKERS[name](packed)
    assert decoded(packed, codings, 1 << 20) == Decoded(PAGE + body)
    assert decoded(packed, ["identity", *codings, "none"], 1 << 20) == Decoded(PAGE + body)


@given(body=st.binary(max_size=2_000), codings=st.lists(st.sampled_from([*PACKERS, "utf-8", ""]), max_size=3))
def test_any_bytes_under_any_head_are_read_in_bounds(body: bytes, codings: list[str]) -> None:
    for size in (0, 100, 1 << 20):
        found = decoded(body, codings, size)
        assert len(found.data) <= max(size, len(body))


@pytest.mark.parametrize("told", PACKERS)
@pytest.mark.parametrize("done", [*PACKERS, "raw"])
def test_a_coding_under_the_name_of_another_is_undone(told: str, done: str) -> None:
    pack = PACKERS.get(done, raw_deflate)
    image = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8
    for body in (PAGE, b"Words first. " + PAGE, b"a\x0bb " + PAGE, b"<img src=a.jpg alt=cat>", image):
        assert decoded(pack(body), [told], 1 << 20) == Decoded(body)


@pytest.mark.parametrize("told", PACKERS)
def test_noise_is_no_coding_under_any_name(told: str) -> None:
    for number in range(200):
        noise = hashlib.shake_128(b"%d" % number).digest(20 + 9 * number)
        if not noise.startswith((b"\x1f\x8b", b"\x28\xb5")):
            assert decoded(noise, [told], 1 << 20) == Decoded(noise, holds=False), number


@pytest.mark.parametrize("name", PACKERS)
def test_a_page_that_is_not_packed_stays_as_it_is(name: str) -> None:
    for body in (PAGE, PAGE.replace(b"cat", "\u043a\u043e\u0442".encode("cp1251")), b"\xef\xbb\xbf \n" + PAGE, b""):
        assert decoded(body, [name], 1 << 20) == Decoded(body)
    for image in (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF0000WEBP", b"0000ftypavif"):
        assert decoded(image + bytes(range(256)), [name], 1 << 20) == Decoded(image + bytes(range(256)))


@pytest.mark.parametrize("name", [*PACKERS, "raw"])
def test_what_comes_before_a_cut_is_kept_and_the_cut_told(name: str) -> None:
    packed = raw_deflate(PAGE) if name == "raw" else PACKERS[name](PAGE)
    found = decoded(packed[: len(packed) // 2], ["deflate" if name == "raw" else name], 1 << 20)
    assert found.is_cut
    assert PAGE.startswith(found.data)
    assert len(found.data) > 100 or name == "zstd"  # one block, which comes whole or not at all


@pytest.mark.parametrize("name", MARKED)
def test_what_comes_before_a_damage_is_kept(name: str) -> None:
    noise = zlib.compress(bytes(range(256)) * 500, 0)  # packs to itself: damage does not spread
    page = b"<p>" + noise
    packed = bytearray(PACKERS[name](page))
    packed[-30_000:-29_000] = bytes(byte ^ 0x5A for byte in packed[-30_000:-29_000])
    found = decoded(bytes(packed), [name], 1 << 20)
    assert found.data[:50_000] == page[:50_000]


@pytest.mark.parametrize("name", [*PACKERS, "raw"])
def test_a_bomb_is_stopped_where_it_may_not_grow_further(name: str) -> None:
    bomb = raw_deflate(bytes(32 << 20)) if name == "raw" else PACKERS[name](bytes(32 << 20))
    found = decoded(bomb, ["deflate" if name == "raw" else name], 10_000)
    assert (found.is_too_large, len(found.data)) == (True, 10_000)


def test_exactly_as_much_as_is_allowed_is_not_too_much() -> None:
    for name, pack in PACKERS.items():
        assert decoded(pack(PAGE), [name], len(PAGE)) == Decoded(PAGE)
        assert decoded(pack(PAGE), [name], len(PAGE) - 1) == Decoded(PAGE[:-1], is_too_large=True)


def test_more_codings_than_anybody_applies_are_none() -> None:
    packed = PAGE
    for _ in range(MAX_CODINGS + 1):
        packed = PACKERS["gzip"](packed)
    assert decoded(packed, ["gzip"] * (MAX_CODINGS + 1), 1 << 20).data == packed


def test_every_part_of_a_gzip_header_is_passed_over() -> None:
    extra, name, comment = b"\x05\0extra", b"name\0", b"comment\0"
    for flags, parts in ((4, extra), (8, name), (16, comment), (2, b"\0\0"), (30, extra + name + comment + b"\0\0")):
        packed = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6) + parts + raw_deflate(PAGE) + bytes(8)
        assert decoded(packed, ["gzip"], 1 << 20) == Decoded(PAGE)


def test_a_coding_that_is_missing_is_told() -> None:
    garbage = bytes(range(1, 200)) * 10
    assert decoded(garbage, ["gzip"], 1 << 20) == Decoded(garbage, holds=False)
    assert decoded(b"plain words", ["zstd"], 1 << 20) == Decoded(b"plain words", holds=False)


def test_binary_is_what_the_standard_calls_so() -> None:
    assert not is_binary("plain, ünd \t\n\x0c\r\x1b".encode())
    assert all(is_binary(b"a" + bytes([byte])) for byte in (*range(9), 11, *range(14, 27), *range(28, 32)))
    assert not is_binary(b"\xff\xfea\0")
    assert is_plain(b"\n <p>") and not is_plain(b"p") and not is_plain(b"<\0")  # noqa: PT018
