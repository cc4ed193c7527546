"""Lists of queries in files: every kind that is read, and what is refused, with what was found."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import query_texts
from schemas.ignorable import IGNORABLE
from schemas.query_texts import parse_query_texts, read_query_texts


def test_json_list_keeps_order_repeats_and_what_is_no_text() -> None:
    found = parse_query_texts("m.json", b'["New York", " x", "cat", 5, "cat", null, "\\ud800", ["a"], {"b": 1}]')
    assert (found.kind, found.texts) == ("JSON list", ["New York", " x", "cat", "cat"])
    assert found.counts == [None] * 4
    assert found.distinct == ["New York", " x", "cat"]
    assert found.broken == [
        "entry 3: 5", "entry 5: None", "entry 6: '\\ud800'", "entry 7: list of 1 entry", "entry 8: object of 1 entry",
    ]  # fmt: skip


def test_an_object_of_whole_numbers_is_a_list_of_counts() -> None:
    found = parse_query_texts("entry_counts.json", b'{"cat": 5, "dog": 0, "cat": 7, "red fox": 3.0}')
    assert found.kind == "JSON object"
    assert list(zip(found.texts, found.counts, strict=True)) == [("cat", 5), ("dog", 0), ("cat", 7), ("red fox", 3)]


def test_empty_entries_of_json_are_left_out_and_counted() -> None:
    found = parse_query_texts("m.json", b'["cat", "", " ", "\\u200b\\ufeff", "#", 5]')
    assert (found.texts, found.empty, found.broken) == (["cat", "#"], 3, ["entry 5: 5"])
    counted = parse_query_texts("c.json", b'{"": 7, "cat": 5, "\\t": 0}')
    assert (counted.texts, counted.counts, counted.empty) == (["cat"], [5], 2)
    lines = parse_query_texts("q.txt", "cat\n\n \n\u200b\ndog\n".encode())
    assert (lines.texts, lines.empty) == (["cat", "dog"], 0)


def test_an_object_of_metaclip2s_sources_is_a_list() -> None:
    found = parse_query_texts("de.json", b'{"0": "", "Hund": "w", "rot": "u", "rot Haus": "b", "Berlin": "t"}')
    assert (found.texts, found.counts) == (["0", "Hund", "rot", "rot Haus", "Berlin"], [None] * 5)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        pytest.param({"set A": ["cat", "dog"]}, "an object whose 'set A' is list of 2 entries", id="label sets"),
        pytest.param({"cat": 5, "dog": "many"}, "an object whose 'dog' is 'many'", id="text"),
        pytest.param({"cat": 5, "dog": "w"}, "an object whose 'dog' is 'w'", id="count and source"),
        pytest.param({"0": "tench", "1": "goldfish"}, "an object whose '0' is 'tench'", id="id to label"),
        pytest.param({"cat": 5, "dog": True}, "an object whose 'dog' is True", id="boolean"),
        pytest.param({"cat": 0.5}, "an object whose 'cat' is 0.5", id="fraction"),
        pytest.param({"cat": -1}, "an object whose 'cat' is -1; .* whole numbers from 0 on", id="negative"),
        pytest.param({"cat": -2.0}, "an object whose 'cat' is -2.0", id="negative with a point"),
        pytest.param({"cat": None}, "an object whose 'cat' is None", id="null"),
        pytest.param({"cat": 2**63}, "an object whose 'cat' is 9223372036854775808", id="too large"),
        pytest.param({"cat": {"n": 5}}, "an object whose 'cat' is object of 1 entry", id="nested"),
        pytest.param({"a\x1b[31m": "x"}, r"an object whose 'a\\x1b\[31m' is 'x'", id="control characters"),
        pytest.param([["cat", 5], ["dog", 3]], "no text in it; entry 0: list of 2 entries", id="list of pairs"),
        pytest.param([{"text": "cat"}], "no text in it; entry 0: object of 1 entry", id="list of objects"),
        pytest.param("cat", "'cat'", id="one text"),
        pytest.param(7, "7", id="one number"),
    ],
)
@pytest.mark.parametrize("name", ["q.json", "Q.JSON", "q.json.gz"])
def test_other_json_is_refused_with_what_was_found(tmp_path: Path, name: str, value: object, found: str) -> None:
    raw = json.dumps(value).encode()
    (tmp_path / name).write_bytes(gzip.compress(raw, mtime=0) if name.endswith(".gz") else raw)
    with pytest.raises(ValueError, match=f"{name}: expected a JSON list of texts, .*found {found}"):
        read_query_texts(str(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        pytest.param("x.json", b"[1, ", "found no JSON", id="cut"),
        pytest.param("x.json", b"", "found no JSON", id="empty"),
        pytest.param("x.json", b"[" * 200_000, "found no JSON", id="deep"),
        pytest.param("x.json", b"\xff[]", "found no JSON", id="no UTF-8"),
        pytest.param("x.json", b'["a"]\n["b"]', "found no JSON", id="two values"),
        pytest.param("x.jsonl", b'{"text": "a"}\n{"text": "b"}\n', "found lines of JSON objects", id="JSON lines"),
        pytest.param("x.txt", b'{"set A": ["cat"]}', "'set A' is list of 1 entry", id="JSON by another name"),
        pytest.param("x.txt", b"PAR1\x00\x01", "found bytes that are no text", id="binary"),
        pytest.param("x.txt", b"\xe9t\xe9\n\xff", "found no text in it; line 1: .* is no UTF-8", id="Latin-1"),
        pytest.param("x.txt.gz", b"no gzip, whatever its name says", "expected a .gz file by its name", id="no gzip"),
        pytest.param("x.gz", gzip.compress(b"dog" * 999, mtime=0)[:-12], "cannot be unpacked whole", id="cut gzip"),
        pytest.param("x.bz2", bz2.compress(b"dog" * 999)[:-4], "cannot be unpacked whole", id="cut bzip2"),
        pytest.param("x.xz", lzma.compress(b"dog" * 999)[:40] + b"\xff" * 99, "cannot be unpacked", id="damaged xz"),
    ],
)
def test_a_bad_file_is_one_clear_line(name: str, data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        parse_query_texts(name, data)
    assert str(refused.value).startswith(f"{name}: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("place", range(3, 60))
def test_a_flipped_byte_of_a_packed_list_is_told(place: int) -> None:
    raw = bytearray(gzip.compress(b"".join(b"word %d\n" % number for number in range(2000)), mtime=0))
    raw[place] ^= 0x10
    try:
        texts = parse_query_texts("x.txt.gz", bytes(raw)).texts
    except ValueError as error:
        assert str(error).startswith("x.txt.gz: ")  # noqa: PT017  # most flips are told, some of the header's are not
    else:
        assert texts == [f"word {number}" for number in range(2000)]


@pytest.mark.parametrize(
    "pack",
    [
        pytest.param(bytes, id="plain"),
        pytest.param(lambda data: gzip.compress(data, mtime=0), id="gzip"),
        pytest.param(bz2.compress, id="bzip2"),
        pytest.param(lzma.compress, id="xz"),
    ],
)
@pytest.mark.parametrize(
    "encode",
    [
        pytest.param(lambda text: text.encode(), id="UTF-8"),
        pytest.param(lambda text: text.encode("utf-8-sig"), id="with a mark"),
        pytest.param(lambda text: text.encode("utf-16"), id="UTF-16"),
        pytest.param(lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"), id="of Windows"),
        pytest.param(lambda text: text.replace("\n", "\r").encode(), id="of old Macs"),
    ],
)
def test_text_lists_are_a_query_a_line(pack: Callable[[bytes], bytes], encode: Callable[[str], bytes]) -> None:
    found = parse_query_texts("list.txt", pack(encode("Dog\n\n  Red Fox \nDog\n[sic] grün\n   \n")))
    assert (found.kind, found.texts, found.broken) == ("text list", ["Dog", "Red Fox", "Dog", "[sic] grün"], [])
    assert found.distinct == ["Dog", "Red Fox", "[sic] grün"]


def test_a_text_list_may_begin_like_json() -> None:
    assert parse_query_texts("list", b"[sic]\n{x}\n").texts == ["[sic]", "{x}"]


@pytest.mark.parametrize("name", ["m.json", "m.txt", "m"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "with a mark"])
def test_json_is_read_by_any_name_and_with_a_mark(name: str, mark: bytes) -> None:
    assert parse_query_texts(name, mark + b' ["cat", "dog"]').texts == ["cat", "dog"]


def test_lines_that_are_no_text_are_counted() -> None:
    found = parse_query_texts("list", b"dog\n\xff\xfe bad\ncat")
    assert (found.texts, found.broken) == (["dog", "cat"], ["line 2: b'\\xff\\xfe bad' is no UTF-8"])


def test_a_small_packed_file_of_endless_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_texts, "MAX_BYTES", 1000)
    with pytest.raises(ValueError, match=r"x\.gz: expected a list of queries, found more than 1,000 bytes"):
        parse_query_texts("x.gz", gzip.compress(b"dog\n" * 5_000_000, mtime=0))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=12))
def test_json_gives_back_any_texts(texts: list[str]) -> None:
    found = parse_query_texts("m.json", json.dumps(texts).encode())
    seen = [text for text in texts if IGNORABLE.sub("", text).replace("\u200b", "").strip()]
    assert (found.texts, found.broken, found.empty) == (seen, [], len(texts) - len(seen))
