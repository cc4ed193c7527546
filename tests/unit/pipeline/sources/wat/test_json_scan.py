"""Quotes found 64 bytes at a time are those that a scan byte by byte finds; values are skipped as json reads them."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.wat.json_scan import BROKEN, NEXT, SPARE_QUOTES, index_quotes, skip_value
from schemas.kernels.byte_scan import PADDING

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(alphabet='a"\\/{[:,é\n', max_size=90),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='k"\\', max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def quotes_of(raw: bytes, begin: int = 0) -> tuple[list[int], "np.ndarray[tuple[int], np.dtype[np.uint8]]", np.ndarray]:
    data = np.frombuffer(raw + b'"' * PADDING, dtype=np.uint8)
    quotes = np.empty(len(raw) + SPARE_QUOTES, dtype=np.int32)
    count = index_quotes(data, begin, len(raw), quotes)
    return quotes[:count].tolist(), data, quotes


def quotes_one_by_one(raw: bytes, begin: int) -> list[int]:
    found, escaped = [], False
    for position in range(begin, len(raw)):
        if raw[position] == ord('"') and not escaped:
            found.append(position)
        escaped = raw[position] == ord("\\") and not escaped
    return found


@settings(max_examples=300)
@given(st.text(alphabet='"\\ab', max_size=300), st.integers(0, 70))
def test_quotes_that_are_not_escaped_are_found(text: str, begin: int) -> None:
    raw = text.encode()
    begin = min(begin, len(raw))
    assert quotes_of(raw, begin)[0] == quotes_one_by_one(raw, begin)


def test_a_run_of_backslashes_over_blocks() -> None:
    for size in range(200):
        raw = b"x" * (size % 7) + b"\\" * size + b'"end"'
        assert quotes_of(raw)[0] == quotes_one_by_one(raw, 0)


@settings(max_examples=300)
@given(VALUES, st.booleans(), st.sampled_from([None, 1]), st.sampled_from(["", ",", "}", "]"]))
def test_a_value_is_skipped(value: object, ascii_only: bool, indent: int | None, after: str) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    _, data, quotes = quotes_of(text + after.encode())
    walk = np.zeros(3, dtype=np.int64)
    end = skip_value(data, 0, len(text) + len(after), quotes, walk)
    if not after and text[:1] not in b'"{[':
        assert end == BROKEN  # a number at the end of the data may be cut
        return
    assert end == len(text)
    assert quotes[walk[NEXT]] >= end
