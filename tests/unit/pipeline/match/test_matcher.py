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
from tests.support.metaclip_reference import automaton, matches

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


@settings(max_examples=60)
@given(st.lists(st.lists(st.integers(0, 60), max_size=50), max_size=4))
def test_any_number_of_matches_comes_out_ascending_and_once(texts: list[list[int]]) -> None:
    queries = [f"w{number}" for number in range(61)]
    found = matcher(queries).match(pa.array([" ".join(f"w{n}" for n in text) for text in texts], pa.string()))
    assert found.to_pylist() == [sorted(set(text)) for text in texts]


LONG_WORDS = st.sampled_from(
    ["a", "ab" * 4, "ab" * 4 + "c", "x" * 16, "x" * 17, "Y" * 32, "z" * 70, "caf\u00e9" * 20, "dog's"]
)


@settings(max_examples=150)
@given(st.lists(LONG_WORDS, min_size=1, max_size=12), st.sampled_from([" ", ", ", "\u2014"]), st.integers(0, 66))
def test_words_across_the_64_bytes_that_are_read_at_once(found: list[str], gap: str, shift: int) -> None:
    text = "-" * shift + gap.join(found)
    queries = sorted({normal_form(word) for word in found} | {normal_form(" ".join(found[:3])), "x", "z" * 69})
    assert matcher(queries).match(pa.array([text])).to_pylist() == [naive(queries, text)]


def test_empty_texts_without_end_in_one_block() -> None:
    assert matcher(["a"]).match(pa.array(["", None, "."] * 2000 + ["a"])).to_pylist() == [[]] * 6000 + [[0]]


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
        assert ids == matches(reference, text)


def test_metaclip_rule_on_real_captions(shared_data: object) -> None:
    captions = pq.read_table(f"{shared_data}/captions/test_10000.parquet")["TEXT"].to_pylist()
    entries = sorted({" ".join(text.split()[:2]) for text in captions if text and text.split()} | {"of", "the", "St."})
    reference = automaton(entries)
    found = matcher(entries, "metaclip").match(pa.array(captions, pa.string())).to_pylist()
    for text, ids in zip(captions, found, strict=True):
        assert ids == matches(reference, text or "")


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="match rule must be one of"):
        matcher(["a"], "fuzzy")
