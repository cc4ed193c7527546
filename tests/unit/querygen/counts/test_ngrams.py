"""Counts of a run: equal to a naive count, whatever the text."""

from collections import Counter

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.counts.ngrams import NgramCounter
from querygen.counts.sorted_run import Run
from querygen.text.word_scan import MAX_WORD_BYTES, PIECE_BYTES
from tests.support.naive_counts import naive_counts

PIECES = st.sampled_from(
    ["the", "The", "dog", "dog's", "Dog,", "cat.", "St.", "Louis", "–", "\n", "a-b", "½", "é", "e\u0301", "É", "!",
     "U.S.", "(Mr.", 'end."', "wait...", "L’Oréal", "rock'n'roll", "dog's's", "\u00a0", "東京。", "straße", "ﬁne",
     "internationalisation", "x.y", "what?yes", "a'ſ", "\u0007"]
)  # fmt: skip
TEXTS = st.lists(
    st.one_of(
        st.lists(PIECES, max_size=30).map(" ".join),
        st.lists(PIECES, max_size=6).map("".join),
        st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace").decode()),
    ),
    max_size=5,
)

counter = NgramCounter(1 << 12)


def utf8(text: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8)


def count(texts: list[str]) -> Run:
    for text in texts:
        counter.add(utf8(text))
    return counter.finish()


def spellings(run: Run) -> list[str]:
    ends = np.cumsum(run.size, dtype=np.int64).tolist()
    data = run.data.tobytes()
    return [data[start:end].decode() for start, end in zip([0, *ends[:-1]], ends, strict=True)] if ends else []


def word_counts(run: Run) -> dict[str, int]:
    return dict(zip(spellings(run), run.count.tolist(), strict=True))


def bigram_counts(run: Run) -> dict[str, int]:
    surface = spellings(run)
    return {f"{surface[a]} {surface[b]}": int(n) for a, b, n in zip(run.first, run.second, run.counts, strict=True)}


def flat(spellings: dict[str, Counter[str]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for counts in spellings.values():
        total.update(counts)
    return dict(total)


@settings(max_examples=500, deadline=None)
@given(TEXTS)
def test_counts_equal_a_naive_count(texts: list[str]) -> None:
    wanted_words, wanted_bigrams = naive_counts(texts)
    run = count(texts)
    assert word_counts(run) == flat(wanted_words)
    assert bigram_counts(run) == flat(wanted_bigrams)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_spellings_of_one_word_share_its_hash_and_rows_are_sorted(texts: list[str]) -> None:
    wanted_words, _ = naive_counts(texts)
    run = count(texts)
    by_surface = dict(zip(spellings(run), run.word_hash.tolist(), strict=True))
    hashes = {text: {by_surface[surface] for surface in found} for text, found in wanted_words.items()}
    assert all(len(found) == 1 for found in hashes.values())
    assert len(set.union(set(), *hashes.values())) == len(hashes)
    assert (np.diff(run.word_hash.astype(object)) >= 0).all()
    pairs = list(zip(run.first.tolist(), run.second.tolist(), strict=True))
    assert pairs == sorted(set(pairs))


def test_no_bigram_crosses_a_boundary() -> None:
    run = count(["red dog. Blue cat\ngreen bird – white cow", "St. Louis", "end", "start"])
    assert sorted(bigram_counts(run)) == ["Blue cat", "St Louis", "green bird", "red dog", "white cow"]


def test_text_longer_than_a_piece_and_tables_that_grow() -> None:
    texts = [" ".join(f"w{i % 70_001} Common" for i in range(150_000)) + " é ½ " * 3]
    wanted_words, wanted_bigrams = naive_counts(texts)
    run = count(texts)
    assert word_counts(run) == flat(wanted_words)
    assert bigram_counts(run) == flat(wanted_bigrams)
    assert len(counter.finish().count) == 0


def test_a_token_longer_than_a_piece() -> None:
    words = ["ab"] * PIECE_BYTES
    run = count(["x " + "-".join(words) + " y"])
    assert word_counts(run) == {"x": 1, "ab": PIECE_BYTES, "y": 1}
    assert bigram_counts(run) == {"x ab": 1, "ab ab": PIECE_BYTES - 1, "ab y": 1}


def test_a_run_of_letters_without_end_is_no_word_and_counted() -> None:
    before = counter.num_long_words
    longest = "a" * MAX_WORD_BYTES
    run = count([f"one {longest} two {longest}b three four"])
    assert word_counts(run) == {"one": 1, longest: 1, "two": 1, "three": 1, "four": 1}
    assert bigram_counts(run) == {f"one {longest}": 1, f"{longest} two": 1, "three four": 1}
    assert counter.num_long_words == before + 1


def test_many_spellings_of_one_word() -> None:
    cases = ["".join(c.upper() if number >> i & 1 else c for i, c in enumerate("abcdefghijkl"))
                 for number in range(4096)]  # fmt: skip
    run = count([" ".join(cases)])
    assert len(set(run.word_hash.tolist())) == 1
    assert word_counts(run) == dict.fromkeys(cases, 1)
