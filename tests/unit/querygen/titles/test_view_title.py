"""Raw titles of page views: the rule, and the compiled pass against it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.titles.view_title import REFUSED, SLOW, SURE, canonical_title, slow_title, title_classes

RAW = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(
        st.sampled_from([b"%", b"%2", b"%25", b"%C3", b"%a9", b"_", b" ", b"#", b"a", b"e", b"\xcc\x81", b"\xc3\xa9",
                         b"\xe2\x80\x8e", b"\xc2\xa0", b"41", b"%23", b"%00", b"<", b'"',
                         b"\xe1\x85\xa1", b"\xf0\x9f\x90\xb6"]),
        max_size=12,
    ).map(b"".join),
)  # fmt: skip


def fast_title(raw: bytes) -> bytes | None:
    data, out = np.frombuffer(raw, dtype=np.uint8), np.empty(len(raw) + 1, dtype=np.uint8)
    verdict, size = canonical_title(data, 0, len(data), title_classes(), out, 0)
    assert verdict in (SURE, REFUSED, SLOW)
    return slow_title(raw) if verdict == SLOW else out[:size].tobytes() if verdict == SURE else None


@settings(max_examples=500)
@given(RAW)
def test_compiled_pass_follows_the_rule(raw: bytes) -> None:
    assert fast_title(raw) == slow_title(raw)


def test_every_character_alone_and_behind_a_letter() -> None:
    for code in range(0x110000):
        if not 0xD800 <= code < 0xE000 and (code < 0x3100 or code >= 0xA000) and (code < 0x20000 or code % 97 == 0):
            for text in (chr(code), "e" + chr(code)):
                raw = text.encode()
                if fast_title(raw) != slow_title(raw):
                    raise AssertionError(f"U+{code:04X}: {fast_title(raw)!r}, {slow_title(raw)!r}")


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        pytest.param(b"new_york__city_", "New york city", id="underscores"),
        pytest.param(b"Caf%C3%A9", "Café", id="percent-encoded"),
        pytest.param(b"Caf%25C3%25A9", "Café", id="percent-encoded twice"),
        pytest.param(b"Cafe%CC%81", "Café", id="combining accent"),
        pytest.param(b"%C3%A9tude", "Étude", id="first letter"),
        pytest.param(b"Dog%23History", "Dog", id="encoded fragment"),
        pytest.param(b"Dog#History<", "Dog", id="fragment"),
        pytest.param(b"%22Heroes%22", '"Heroes"', id="encoded quotes"),
        pytest.param(b'"Weird_Al"_Yankovic', '"Weird Al" Yankovic', id="quotes"),
        pytest.param(b"100%", "100%", id="percent sign"),
        pytest.param(b"100%_pure", "100% pure", id="percent sign inside"),
        pytest.param(b"A%E2%80%8EB", "AB", id="direction mark"),
        pytest.param(b"\xe6\x97\xa5\xe6\x9c\xac", "日本", id="UTF-8"),
        pytest.param(b"%E9t%E9", None, id="no UTF-8"),
        pytest.param(b"a%00b", None, id="zero byte"),
        pytest.param(b"a|b", None, id="bar"),
        pytest.param(b"#top", None, id="only a fragment"),
        pytest.param(b"___", None, id="only underscores"),
        pytest.param(b"%" + b"25" * 9 + b"41", None, id="percent-encoded ten times"),
        pytest.param(b"a" * 256, None, id="too long"),
        pytest.param(b"%C3%A9" * 127, "É" + "é" * 126, id="longest"),
    ],
)
def test_titles(raw: bytes, title: str | None) -> None:
    assert slow_title(raw) == (None if title is None else title.encode())
    assert fast_title(raw) == slow_title(raw)
