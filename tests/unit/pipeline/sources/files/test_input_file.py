"""Input files over real HTTP: any reads give the bytes, whatever the server does; what it refuses is told by URL."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.files import input_file
from pipeline.sources.files.byte_ranges import read_blocks
from pipeline.sources.files.input_file import open_input
from tests.support.byte_server import cut_of, serve

BODY = random.Random(1).randbytes(1_000_000)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pauses, input_file.PAUSES_S = input_file.PAUSES_S, (0.0, 0.0, 0.0)
    with serve({"a.bin": BODY, "empty.bin": b""}) as address:
        yield address
    input_file.PAUSES_S = pauses


@pytest.mark.parametrize("way", ["range", "whole", "flaky", "busy"])
def test_a_file_is_read_whatever_the_server_does(server: str, way: str) -> None:
    assert b"".join(read_blocks(f"{server}/{way}/a.bin")) == BODY
    with open_input(f"{server}/{way}/a.bin") as raw:
        assert raw.read() == BODY
        assert raw.read(1) == b""


@pytest.mark.parametrize("way", ["flaky", "busy"])
def test_without_another_try_it_fails(server: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_file, "PAUSES_S", ())
    with pytest.raises(ConnectionError, match=f"{server}/{way}/a.bin: cannot be read"):
        [list(read_blocks(f"{server}/{way}/a.bin")) for _ in range(2)]


@settings(max_examples=15)
@given(
    st.lists(st.tuples(st.integers(0, 1_000_100), st.integers(0, 300_000)), min_size=1, max_size=4),
    st.sampled_from(["range", "whole"]),
)
def test_reads_after_seeks_are_those_of_the_bytes(server: str, reads: list[tuple[int, int]], way: str) -> None:
    with open_input(f"{server}/{way}/a.bin") as raw:
        for offset, size in reads:
            assert raw.seek(offset) == offset
            assert raw.read(size) == BODY[offset : offset + size]
            assert raw.tell() == offset + len(BODY[offset : offset + size])


@pytest.mark.parametrize("way", ["cut", "wholecut"])
def test_what_comes_before_the_break_is_read(server: str, way: str) -> None:
    blocks: list[bytes] = []
    told = rf"{server}/{way}/a.bin: cannot be read from byte \d+ on: Client"
    with open_input(f"{server}/{way}/a.bin") as raw:
        with pytest.raises(ConnectionError, match=told):
            blocks.extend(iter(lambda: raw.read(200_000), b""))
        with pytest.raises(ConnectionError, match=told):
            raw.read(1)
    found = b"".join(blocks)
    assert BODY.startswith(found)
    assert len(found) <= cut_of(BODY)
    if way == "cut":
        assert len(found) > cut_of(BODY) - 2 * (64 << 10)


def test_what_needs_byte_ranges_says_so(server: str) -> None:
    with open_input(f"{server}/whole/a.bin") as raw:
        with pytest.raises(OSError, match=f"{server}/whole/a.bin: .* no byte ranges; download the file first"):
            raw.seek(0, 2)
    with open_input(f"{server}/range/a.bin") as raw:
        assert raw.seek(-5, 2) == len(BODY) - 5
        assert raw.read() == BODY[-5:]


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [
        ("range/b.bin", FileNotFoundError, "no such file"),
        ("refused/a.bin", PermissionError, "does not let us read it"),
    ],
)
def test_what_the_server_refuses_is_told_at_once(
    server: str, path: str, kind: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_file, "PAUSES_S", (10_000.0,))
    with pytest.raises(kind, match=f"{server}/{path}: .*{message}"), open_input(f"{server}/{path}"):
        pass


def test_no_server(server: str) -> None:
    with pytest.raises(ConnectionError, match=r"http://127\.0\.0\.1:9/a: cannot be read from byte 0 on: Client"):
        with open_input("http://127.0.0.1:9/a"):
            pass


def test_an_empty_file(server: str) -> None:
    with open_input(f"{server}/range/empty.bin") as raw:
        assert raw.read() == b""
