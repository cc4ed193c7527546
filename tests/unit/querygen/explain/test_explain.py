"""Explaining a text: every way to be in the list and out of it; ranks equal a plain sort."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.explain.explain import Explainer
from querygen.explain.explanation import SourceAnswer, lines
from schemas.query_source import SOURCES
from schemas.storage import Folder
from tests.support.queries import Counts, make_queries_folder
from tests.support.small_lists import EXPLAINED, explain_command


def answers(folder: Folder, text: str) -> dict[str, SourceAnswer]:
    return {answer.source: answer for answer in Explainer(folder).explain(text).sources}


def test_all_sources_of_a_query_are_named(folder: Folder) -> None:
    found = Explainer(folder).explain("  DOG's ")
    assert (found.text, found.in_list) == ("dog", True)
    assert found.query is not None
    assert found.query["sources"] == ["word", "title", "synset"]
    by_source = {answer.source: answer for answer in found.sources}
    assert {s: answer.brings for s, answer in by_source.items()} == {
        "word": True, "bigram": False, "title": True, "synset": True
    }  # fmt: skip
    assert (by_source["word"].rank, by_source["word"].of, by_source["word"].values) == (6, 6, {"count": 10})
    assert (by_source["title"].rank, by_source["title"].of, by_source["title"].values["views"]) == (2, 4, 50)
    assert (by_source["synset"].rank, by_source["synset"].of) == (1, 4)
    assert by_source["synset"].values == {"tag_count": 42, "synsets": ["dog.n.01"]}
    assert by_source["bigram"].reasons == ["not_two_words"]


def test_pmi_parts_of_a_bigram(folder: Folder) -> None:
    found = answers(folder, "New-York")["bigram"]
    assert found.brings
    assert found.values == {
        "n_ab": 30, "n_a": 100, "n_b": 40, "num_words": 10_000, "ratio": "30/4000", "pmi": 6.2288
    }  # fmt: skip
    assert (found.rank, found.of) == (1, 4)
    assert "PMI 6.2288 bits = log2(30 * 10,000 / (100 * 40))" in found.detail


@pytest.mark.parametrize(
    ("text", "source", "reasons", "said"),
    [
        ("rare", "word", ["below_min_word_count"], "seen 9 times, below --min-word-count 10"),
        ("gone", "word", ["below_floor"], "seen fewer than 2 times: such counts are not kept"),
        ("absent", "word", ["below_floor"], "such counts are not kept"),
        ("new york city", "word", ["not_one_word"], "a phrase of 3 words is no word"),
        ("new york city", "bigram", ["not_two_words"], "a phrase of 3 words is no bigram"),
        ("new city", "bigram", ["below_min_bigram_count"], "seen 4 times, below --min-bigram-count 5"),
        ("rare dog", "bigram", ["word_not_in_list"], "'rare' is not in the word list: seen 9 times"),
        ("of the", "bigram", ["pmi_not_positive"], "no more often than by chance"),
        ("dog city", "bigram", ["below_floor"], "seen fewer than 2 times"),
        ("dog absent", "bigram", ["word_not_in_list"], "'absent' is not in the word list: seen fewer"),
        ("the dog", "bigram", ["budget_full"], "the budget was full before it: the last bigram taken is 'york city'"),
        ("cat", "title", ["budget_full"], "2 views, as 'Cat'; rank 4 of 4; the budget was full before it"),
        ("york", "title", ["no_such_title"], "no article has this title, or it has no page view"),
        ("zoo", "synset", ["budget_full"], "the last synset taken is 'st louis' (tag_count 1)"),
        ("york", "synset", ["not_a_synset_head"], "no synset of WordNet has it as its first lemma"),
        ("?!", "word", ["no_word"], "no word is left of it"),
    ],
)  # fmt: skip
def test_why_not(folder: Folder, text: str, source: str, reasons: list[str], said: str) -> None:
    found = answers(folder, text)[source]
    assert not found.brings
    assert found.reasons == reasons
    assert said in found.detail


def test_a_source_without_budget_says_so(tmp_path: Path) -> None:
    folder = make_queries_folder(tmp_path / "q", Counts(words={"dog": 20}, titles={"cat": 3}, budgets=(0, 0, 0)))
    assert answers(folder, "cat")["title"].detail.endswith("the list takes no titles")


def test_folder_of_schema_1_0_has_no_heads_outside_the_list(tmp_path: Path) -> None:
    folder = make_queries_folder(tmp_path / "q", EXPLAINED)
    folder.delete("counts/synsets.parquet")
    assert answers(folder, "dog")["synset"].brings
    assert answers(folder, "zoo")["synset"].reasons == ["not_a_synset_head"]
    named = answers(folder, "new york")["synset"]
    assert (named.brings, named.reasons) == (True, [])
    assert "heads new york.n.01" in named.detail


def test_stop_words_views_and_suffixes_of_the_settings(tmp_path: Path) -> None:
    counts = Counts(
        words={"the": 30, "of": 20, "dog": 20, "fox": 15}, bigrams={("the", "dog"): 9, ("of", "the"): 9},
        titles={"dog": 5, "red": 4}, num_stop_words=2, max_stop_word_share=0.5, min_views=5,
    )  # fmt: skip
    folder = make_queries_folder(tmp_path / "q", counts, disambiguation="strip", all_lemmas=True)
    # "of" is as frequent as "dog" and later in the alphabet: "dog" is the second stop word
    found = answers(folder, "the dog")["bigram"]
    assert found.reasons == ["too_many_stop_words"]
    assert found.detail.startswith("100% of its words are stop words, above --max-stop-word-share; PMI")
    assert answers(folder, "of the")["bigram"].brings
    assert answers(folder, "red")["title"].reasons == ["below_min_views"]
    assert "4 views, as 'Red', below --min-views 5" in answers(folder, "red")["title"].detail
    assert "no synset of WordNet has it as a lemma" in answers(folder, "red")["synset"].detail
    assert Explainer(folder).explain("Dog (animal)").notes == [
        "titles of this list lost their \"(...)\": ask for 'dog', too"
    ]
    assert Explainer(folder).explain("Dog").notes == []


def test_bigrams_of_a_language_without_spaces_are_asked_as_they_are_written(tmp_path: Path) -> None:
    pytest.importorskip("icu4py")
    folder = make_queries_folder(
        tmp_path / "q",
        Counts(
            words={"東京": 40, "大学": 40, "学": 40, "会": 40},
            bigrams={("東京", "大学"): 30, ("学", "会"): 9},
            budgets=(1, 0, 0),
        ),
        language="ja",
        joined=True,
    )
    for asked in ("東京大学", "東京 大学"):  # found also where a segmenter would cut the two words elsewhere
        found = Explainer(folder).explain(asked)
        assert (found.text, found.in_list) == ("東京大学", True)
        assert found.sources[1].brings
        assert found.sources[1].values["n_ab"] == 30
        assert (found.sources[1].rank, found.sources[1].of) == (1, 2)
    assert answers(folder, "学会")["bigram"].reasons == ["budget_full"]
    assert "two_words" in answers(folder, "東京大学会")["bigram"].reasons[0]


def test_titles_of_a_category_are_ranked_by_length(tmp_path: Path) -> None:
    counts = Counts(words={"dog": 20}, titles={"cat": 3000})
    folder = make_queries_folder(tmp_path / "q", counts, titles_ranked_by="length")
    assert answers(folder, "cat")["title"].detail == "3,000 characters long, as 'Cat'; rank 1 of 1"


def test_other_unicode_version_is_noted(tmp_path: Path) -> None:
    folder = make_queries_folder(tmp_path / "q", EXPLAINED)
    folder.write_json("manifest.json", folder.read_json("manifest.json") | {"unidata_version": "1.1"})
    found = Explainer(folder).explain("dog")
    assert "Unicode 1.1" in lines(found)[-1]


WORDS = ("a", "b", "c", "d", "e")


@settings(max_examples=40, deadline=None)
@given(
    counts=st.builds(
        Counts,
        words=st.fixed_dictionaries({word: st.integers(6, 14) for word in WORDS}),
        bigrams=st.dictionaries(st.tuples(st.sampled_from(WORDS), st.sampled_from(WORDS)), st.integers(1, 7)),
        titles=st.dictionaries(st.sampled_from(("a", "a b", "c d", "x y z", "q")), st.integers(1, 3)),
        heads=st.dictionaries(st.sampled_from(("b", "b c", "x y z", "r")), st.integers(0, 2)),
        num_words=st.integers(20, 60),
        num_stop_words=st.integers(1, 5),
        max_stop_word_share=st.sampled_from((0.0, 0.5, 1.0)),
        min_views=st.integers(1, 2),
        budgets=st.tuples(*[st.integers(0, 4)] * 3),
    ),
    rows_per_group=st.integers(1, 4),
)
def test_ranks_and_sources_are_those_of_a_plain_sort(
    tmp_path_factory: pytest.TempPathFactory, counts: Counts, rows_per_group: int
) -> None:
    folder = make_queries_folder(tmp_path_factory.mktemp("law") / "q", counts, rows_per_group)
    explainer, orders, taken = Explainer(folder), counts.orders(), counts.taken()
    texts = {*counts.words, *(f"{a} {b}" for a in WORDS for b in WORDS), *counts.titles, *counts.heads}
    for text in sorted(texts):
        found = explainer.explain(text)
        assert found.in_list == any(text in taken[source] for source in SOURCES)
        for answer in found.sources:
            assert answer.brings == (text in taken[answer.source])
            assert bool(answer.reasons) != answer.brings
            assert len(answer.reasons) == len(set(answer.reasons))
            if text in orders[answer.source]:
                assert (answer.rank, answer.of) == (
                    orders[answer.source].index(text) + 1, len(orders[answer.source])
                )  # fmt: skip
            else:
                assert answer.rank is None


def test_command_and_its_exit_codes(folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain_command(["dog", "New York City", "--queries", folder.url]) == 0
    out = capsys.readouterr().out
    assert "dog: in the list, query_id 5, word (also title, synset), surface 'Dog'" in out
    assert "new york city (asked: 'New York City'): in the list" in out
    assert explain_command(["dog", "hapax", "--queries", folder.url]) == 1
    assert "hapax: not in the list" in capsys.readouterr().out
    assert explain_command(["dog", "--queries", str(tmp_path / "absent")]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert explain_command(["--queries", folder.url]) == 2
    assert "give one or more texts" in capsys.readouterr().err


def test_json_holds_the_same(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain_command(["new york", "cat", "--queries", folder.url, "--json"]) == 1
    first, second = json.loads(capsys.readouterr().out)
    assert (first["in_list"], second["in_list"], second["query"]) == (True, False, None)
    assert first["query"]["query_id"] == 6
    assert [answer["source"] for answer in first["sources"]] == list(SOURCES)
