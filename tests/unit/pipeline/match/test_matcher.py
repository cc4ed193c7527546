"""The matching kernel against the definition, and MetaCLIP's rule against its automaton."""

import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.match.matcher import Matcher
from schemas.text import normal_form, words
from tests.metaclip_reference import automaton, spacing

ALPHABET = (
    "abs's \u2019.-\u00e9\u0301\u0130\u00df\u4f60\u3044"
    "\u00bd\ufb00\u094d\u0939\u0327\u1161\u1100\uac00\u2167\u00ad\u200d1\u0663"
)
TEXTS = st.text(st.sampled_from(ALPHABET), max_size=25) | st.text(max_size=25)


def naive(query_texts: list[str], text: str) -> list[int]:
    """Return the queries whose words stand one after the other in the words of `text`."""
    found = words(text)
    matched = []
    for number, query in enumerate(query_texts):
        wanted = query.split(" ")
        if any(found[i : i + len(wanted)] == wanted for i in range(len(found))):
            matched.append(number)
    return matched


def matcher(query_texts: list[str], rule: str = "normalised") -> Matcher:
    return Matcher(pa.array(query_texts, pa.string()), np.arange(len(query_texts), dtype=np.int32), rule)


@settings(max_examples=300)
@given(st.sets(TEXTS.map(normal_form).filter(bool), max_size=12), st.lists(TEXTS, max_size=12))
def test_kernel_equals_naive_search(queries: set[str], texts: list[str]) -> None:
    ordered = sorted(queries)
    found = matcher(ordered).match(pa.array(texts, pa.string())).to_pylist()
    assert found == [naive(ordered, text) for text in texts]


def test_every_character_is_folded_and_split_as_in_schemas() -> None:
    texts = [f"{chr(code)}a's" for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    queries = sorted({normal_form(text) for text in texts[:0x3000]} | {"a"} - {""})
    found = matcher(queries).match(pa.array(texts)).to_pylist()
    numbers = {query: number for number, query in enumerate(queries)}
    for text, ids in zip(texts, found, strict=True):
        split = words(text)
        phrases = {" ".join(split[i:j]) for i in range(len(split)) for j in range(i + 1, len(split) + 1)}
        assert ids == sorted(numbers[phrase] for phrase in phrases & numbers.keys()), unicodedata.name(text[0], text)


def test_all_overlapping_queries_count_once_each() -> None:
    queries = ["new", "new york", "new york city", "york", "york city hall"]
    found = matcher(queries).match(pa.array(["New York City, new YORK", "york city", None, ""])).to_pylist()
    assert found == [[0, 1, 2, 3], [3], [], []]


def test_two_queries_of_one_text_both_match() -> None:
    found = Matcher(pa.array(["chat", "chat"]), np.array([3, 8], dtype=np.int32), "normalised").match(
        pa.array(["chat"])
    )
    assert found.to_pylist() == [[3, 8]]


def test_many_matches_per_text_outgrow_the_first_buffer() -> None:
    queries = [f"w{number}" for number in range(3000)]
    found = matcher(queries).match(pa.array([" ".join(queries), "w1 w2"] * 3)).to_pylist()
    assert found == [list(range(3000)), [1, 2]] * 3


def test_slices_match_as_their_rows() -> None:
    texts = pa.array(["a b", "b", "c a"])
    assert matcher(["a", "b"]).match(texts.slice(1)).to_pylist() == [[1], [0]]


CLUTTER = st.text(st.sampled_from("aB,.;:?!` \t\n\ré'-"), max_size=20)


@settings(max_examples=300)
@given(st.sets(CLUTTER.filter(bool), min_size=1, max_size=12), st.lists(CLUTTER, max_size=12))
def test_metaclip_rule_equals_its_automaton(entries: set[str], texts: list[str]) -> None:
    ordered = sorted(entries)
    reference = automaton(ordered)
    found = matcher(ordered, "metaclip").match(pa.array(texts, pa.string())).to_pylist()
    for text, ids in zip(texts, found, strict=True):
        assert ids == sorted({number for _, number in reference.iter(spacing(text))})


def test_metaclip_rule_on_real_captions(shared_data: object) -> None:
    captions = pq.read_table(f"{shared_data}/captions/test_10000.parquet")["TEXT"].to_pylist()
    entries = sorted({" ".join(text.split()[:2]) for text in captions if text and text.split()} | {"of", "the", "St."})
    reference = automaton(entries)
    found = matcher(entries, "metaclip").match(pa.array(captions, pa.string())).to_pylist()
    for text, ids in zip(captions, found, strict=True):
        assert ids == sorted({number for _, number in reference.iter(spacing(text or ""))})


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="match rule must be one of"):
        matcher(["a"], "fuzzy")
