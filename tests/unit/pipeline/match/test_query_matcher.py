"""Rules and languages against MetaCLIP's automata and the definition, on queries tables."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.match.config import MatchOptions
from pipeline.match.open_sides import asks_no_space
from pipeline.match.query_matcher import QueryMatcher, merge_lists
from schemas.candidate import QUERY_IDS
from schemas.text import normal_form
from tests.support.metaclip_reference import _joins, automaton, matches, worldwide_automaton

CLUTTER = st.text(st.sampled_from("aB北京ねこไทย,.!` \t-é"), max_size=12)


def queries(rows: list[tuple[str, str]]) -> pa.Table:
    """Return a queries table of (surface, language)."""
    return pa.table({
        "query_id": pa.array(range(len(rows)), pa.int32()),
        "text": pa.array([normal_form(surface) for surface, _ in rows], pa.string()),
        "surface": pa.array([surface for surface, _ in rows], pa.string()),
        "language": pa.array([language for _, language in rows], pa.string()),
    })  # fmt: skip


def pairs(rows: list[tuple[str, str | None]]) -> pa.Table:
    """Return pairs of (caption, language)."""
    captions = pa.array([caption for caption, _ in rows], pa.string())
    languages = pa.array([language for _, language in rows], pa.string())
    return pa.table({"caption": captions, "raw_caption": captions, "language": languages})


def english(texts: list[str]) -> pa.Table:
    return pairs([(text, "en") for text in texts])


@settings(max_examples=200)
@given(st.sets(CLUTTER.filter(bool), min_size=1, max_size=12), st.lists(CLUTTER, max_size=8))
def test_metaclip2_rule_equals_its_automaton(entries: set[str], texts: list[str]) -> None:
    ordered = sorted(entries)
    matcher = QueryMatcher(
        queries([(entry, "en") for entry in ordered]), MatchOptions(queries="", match_rule="metaclip2")
    )
    reference = worldwide_automaton(ordered)
    assert matcher.match(english(texts)).to_pylist() == [matches(reference, text) for text in texts]


def test_metaclip2_rule_finds_words_of_scripts_without_spaces() -> None:
    found = QueryMatcher(
        queries([("北京", "zh"), ("ねこ", "ja"), ("A股", "zh"), ("cat", "en"), ("ไทย", "th")]),
        MatchOptions(queries="", match_rule="metaclip2"),
    ).match(english(["我爱北京天安门", "こねこです", "买A股吧", "the A股票 cat.", "cats ภาษาไทยดี"]))
    assert found.to_pylist() == [[0], [1], [], [2, 3], [4]]


def test_every_character_joins_as_published() -> None:
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    assert [character for character in every if asks_no_space(character) != _joins(character)] == []


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["metaclip", "metaclip2"])
def test_half_a_million_entries_on_real_captions(shared_data: object, rule: str) -> None:
    from tests.bench.real_queries import real_queries

    captions = pq.read_table(f"{shared_data}/captions/test_10000.parquet")["TEXT"].to_pylist()
    entries = [*real_queries(499_990), "#1", "(2019", "T-", "'s", "- ", "-Shirt", "北", "$", "&", "a  b"]
    made = automaton(entries) if rule == "metaclip" else worldwide_automaton(entries)
    table = queries([(entry, "en") for entry in entries])
    found = QueryMatcher(table, MatchOptions(queries="", match_rule=rule)).match(english(captions)).to_pylist()
    assert found == [matches(made, text or "") for text in captions]


LANGUAGES = st.sampled_from(["en", "de", "zh_TW", "zh-tw", "EN-us", "fr", "", None])


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "a b", "b b c"]), st.sampled_from(["en", "de", "zh_tw"])), min_size=1
    ),
    st.lists(st.tuples(st.text(st.sampled_from("abc é\u0301"), max_size=10), LANGUAGES), max_size=8),
    st.sampled_from(["all", "none", "first"]),
)
def test_captions_are_asked_the_queries_of_their_language(
    rows: list[tuple[str, str]], captions: list[tuple[str, str | None]], unknown: str
) -> None:
    unknown = rows[0][1] if unknown == "first" else unknown
    options = MatchOptions(queries="", query_languages="caption", unknown_language=unknown)
    found = QueryMatcher(queries(rows), options).match(pairs(captions)).to_pylist()
    everything = QueryMatcher(queries(rows), MatchOptions(queries="")).match(pairs(captions)).to_pylist()
    known = {language.replace("_", "-") for _, language in rows}
    for (_, language), ids, every in zip(captions, found, everything, strict=True):
        code = (language or "").lower().replace("_", "-")
        asked = code if code in known else code.split("-")[0]
        asked = asked if asked in known else unknown.replace("_", "-")
        wanted = [i for i in every if asked == "all" or rows[i][1].replace("_", "-") == asked]
        assert ids == wanted


def test_an_unknown_language_must_be_one_of_the_queries() -> None:
    options = MatchOptions(queries="", query_languages="caption", unknown_language="fr")
    with pytest.raises(ValueError, match="--unknown-language fr: expected all, none, or a language of the queries: en"):
        QueryMatcher(queries([("a", "en")]), options)
    with pytest.raises(ValueError, match="give --query-languages caption too"):
        MatchOptions(queries="", unknown_language="none")


NUMBERS = st.lists(st.sets(st.integers(0, 50)), min_size=3, max_size=3)


@given(NUMBERS, NUMBERS)
def test_merged_lists_are_the_union(first: list[set[int]], second: list[set[int]]) -> None:
    apart = [two - one for one, two in zip(first, second, strict=True)]
    merged = merge_lists(*(pa.array([sorted(row) for row in rows], QUERY_IDS) for rows in (first, apart)))
    assert merged.to_pylist() == [sorted(one | two) for one, two in zip(first, apart, strict=True)]
