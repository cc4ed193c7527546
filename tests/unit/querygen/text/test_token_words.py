"""Words and where bigrams may not reach, against the rules of `querygen.text.tokens`, up to the first odd token."""

from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.text.characters import characters
from querygen.text.token_words import new_words, read_words
from tests.support.naive_counts import naive_counts

TOKENS = st.sampled_from(
    ["the", "The", "Dog,", "cat.", "dog's", "dogs'", "rock'n'roll", "St.", "U.S.", "(Mr.", 'end."', "wait...", "x.y",
     "what?yes", "a-b", "\u2013", "...", "!", "\u00e9", "L\u2019Or\u00e9al", "\u6771\u4eac\u3002", "stra\u00dfe",
     "a'\u017f", "a\u00adb", "\u200b", "e\u0301", "\u00bd", "internationalisation", "12345678", "12345678,",
     "abcdefg\u00e9", "'s", "x's's"]
)  # fmt: skip
GAPS = st.sampled_from([" ", " ", " ", "\n", "\t", "\u00a0", "  \n", "\u3000"])
TEXTS = st.lists(st.tuples(TOKENS, GAPS), max_size=14).map(lambda parts: "".join(map("".join, parts)))
CHARACTERS = characters()


def read(text: str, open_end: bool = False) -> tuple[list[tuple[str, bool]], int, bool, bool, int]:
    """Return (words, each with whether it joins the one before; then what `read_words` returns but their number)."""
    data = text.encode()
    chunks = np.frombuffer(data.ljust(len(data) // 8 * 8 + 24, b"\0"), np.uint64)
    words = new_words(len(data) // 2 + 64)
    stop, count, still_open, broken, token_end = read_words(
        chunks.view(np.uint8), chunks, 0, len(data), CHARACTERS, words, open_end
    )
    found = [(data[words.begins[word] : words.ends[word]].decode(), bool(words.joins[word])) for word in range(count)]
    return found, int(stop), bool(still_open), bool(broken), int(token_end)


@settings(max_examples=400)
@given(TEXTS | st.text(max_size=12))
def test_words_and_bigrams_are_those_of_a_naive_count(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    found, stop, _, _, token_end = read(text)
    data = text.encode()
    assert (token_end < 0) == (stop == len(data))
    read_text = data[:stop].decode()
    wanted_words, wanted_bigrams = naive_counts([read_text])
    assert Counter(word for word, _ in found) == sum(wanted_words.values(), Counter())
    pairs = pairwise(found)
    bigrams = Counter(f"{before} {word}" for (before, _), (word, joins) in pairs if joins)
    assert bigrams == sum(wanted_bigrams.values(), Counter())
    if token_end >= 0:  # a whole token is handed back: between white space or the ends
        assert not read_text or read_text[-1].isspace()
        odd, rest = data[stop:token_end].decode(), data[token_end:].decode()
        assert odd.split() == [odd]
        assert not rest or rest[0].isspace()


def test_a_token_that_only_normalisation_folds_is_handed_back() -> None:
    found, stop, _, broken, token_end = read("one\n \u00bd, two")
    assert found == [("one", True)]
    assert (stop, token_end) == (len("one\n "), len("one\n \u00bd,".encode()))
    assert broken  # the line end before it


def test_a_sentence_that_ended_before_is_gone_on_with_by_a_small_letter_alone() -> None:
    assert read("the", open_end=True)[0] == [("the", True)]
    assert read("The", open_end=True)[0] == [("The", False)]
    assert read("\u00e9t\u00e9", open_end=True)[0] == [("\u00e9t\u00e9", True)]
    assert read("\u00c9t\u00e9", open_end=True)[0] == [("\u00c9t\u00e9", False)]
    assert read("", open_end=True)[2]  # nothing was read: it is open still
    assert [read(text)[2] for text in ("end.", "St.", "end", "\u00e9t\u00e9.")] == [True, False, False, True]
