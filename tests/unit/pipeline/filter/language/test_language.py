"""Languages against fastText's own predictor, and the rules of filling and choosing."""

import fasttext
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.filter.language.language import (
    has_language,
    identify,
    identify_languages,
    is_sure,
    without_capitals,
    without_scores,
)
from pipeline.filter.language.model import load_language_model, model_path
from schemas.buffers import string_buffers
from tests.support.filters import checked_pairs

MODEL = load_language_model()


PEER = fasttext.load_model(str(model_path()))


WORDS = [
    "the",
    "der",
    "un gato",
    "кот",
    "猫がいる",
    "</s>",
    "__label__en",
    "__label__",
    "__label__x1",
    "<b>",
    "ÀÉ",
    "\u00a0",
    "\x0b",
    "\x00",
]


def check(texts: list[str]) -> None:
    labels, scores = identify(*string_buffers(pa.array(texts, pa.string())), MODEL)
    for text, label, score in zip(texts, labels, scores, strict=True):
        ranked = PEER.predict(text, k=2)
        best, probability = ranked[0][0].removeprefix("__label__"), ranked[1][0]
        assert abs(score - min(probability, 1)) < 1e-5, text
        if len(ranked[1]) == 1 or ranked[1][0] - ranked[1][1] > 1e-5:
            assert MODEL.labels[label] == best, text


@settings(max_examples=120)
@given(st.lists(st.lists(st.sampled_from(WORDS) | st.text(max_size=12), max_size=5).map(" ".join), max_size=6))
def test_labels_and_scores_are_fasttexts(texts: list[str]) -> None:
    check([text.replace("\n", " ") for text in texts])


def test_labels_and_scores_of_real_captions(shared_data: object) -> None:
    captions = pq.read_table(f"{shared_data}/captions/test_10000.parquet")["TEXT"].drop_null().to_pylist()
    check([text.replace("\n", " ") for text in captions])


def test_only_missing_languages_are_filled_unless_all_are_asked_for() -> None:
    texts = ["Das ist ein schönes altes Haus am See", "a dog runs over the green grass", "un chien dans le jardin"]
    pairs = checked_pairs(texts, languages=["en", None, ""])
    filled = identify_languages(pairs, MODEL, everywhere=False)
    assert filled["language"].to_pylist() == ["en", "en", "fr"]
    assert [score is None for score in filled["language_score"].to_pylist()] == [True, False, False]
    filled = identify_languages(pairs, MODEL, everywhere=True)
    assert filled["language"].to_pylist() == ["de", "en", "fr"]
    assert all(0.5 < score <= 1 for score in filled["language_score"].to_pylist())
    assert len(identify_languages(pairs.slice(0, 0), MODEL, everywhere=True)) == 0


@given(st.lists(st.text(max_size=8) | st.text("aAé É1.Я你ß", max_size=6), max_size=10))
def test_only_captions_all_in_capitals_are_lowered(texts: list[str]) -> None:
    found = without_capitals(pa.array(texts, pa.string())).to_pylist()
    for text, lowered in zip(texts, found, strict=True):
        if any("a" <= c <= "z" for c in text) or not any(c.isupper() for c in text):
            assert lowered == text or not text.isascii()
        elif text.isascii():
            assert lowered == text.lower()
    assert without_capitals(pa.array(["ЭТО ДОМ", "Это ДОМ", "RED ß", "DOG 5"])).to_pylist() == [
        "это дом", "Это ДОМ", "RED ß", "dog 5",
    ]  # fmt: skip


def test_capitals_have_the_language_of_small_letters() -> None:
    text = "stainless steel and galvanized pallet trucks for the warehouse"
    pairs = identify_languages(checked_pairs([text, text.upper()]), MODEL, everywhere=False)
    assert pairs["language"].to_pylist() == ["en", "en"]
    assert pairs["language_score"][0] == pairs["language_score"][1]


def test_scores_below_the_least_are_unsure_and_declared_languages_are_not() -> None:
    pairs = identify_languages(checked_pairs(["xq", "xq"], languages=[None, "en"]), MODEL, everywhere=False)
    assert is_sure(pairs, 0.99).tolist() == [False, True]
    assert is_sure(without_scores(checked_pairs(["a"])), 1.0).tolist() == [True]


def test_languages_are_compared_by_their_first_part() -> None:
    pairs = checked_pairs(["a"] * 7, languages=["en", "en-US", "EN_gb", " de ", None, "eng", ""])
    assert has_language(pairs, ("en", "de")).tolist() == [True, True, True, True, False, False, False]
    assert has_language(checked_pairs(["a"]), ("en",)).tolist() == [False]
