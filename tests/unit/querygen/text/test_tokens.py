"""Words of tokens: equal to the normal form of the whole text, and where sentences end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.text.tokens import token_words
from schemas.text import words


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60))
def test_words_of_tokens_are_the_words_of_the_text(text: str) -> None:
    found = [word for token in text.split() for surface in token_words(token).surfaces for word in words(surface)]
    assert found == words(text)


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="aSs'\u2019.-1é ½ﬁ", max_size=12))
def test_apostrophes_and_folding(text: str) -> None:
    test_words_of_tokens_are_the_words_of_the_text.hypothesis.inner_test(text)  # type: ignore[attr-defined]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=30).filter(lambda text: not any(c.isspace() for c in text)))
def test_each_surface_is_one_word(token: str) -> None:
    found = token_words(token)
    assert all(len(words(surface)) == 1 for surface in found.surfaces)
    assert len(found.joined) == max(0, len(found.surfaces) - 1)


@pytest.mark.parametrize(
    ("token", "surfaces"),
    [("(Dog's)", ("Dog",)), ("dog-friendly,", ("dog", "friendly")), ("U.S.", ("U", "S")),
     pytest.param("L’Oréal", ("L’Oréal",), id="curly quote"), ("don't", ("don't",)), pytest.param("–", (), id="dash"),
     pytest.param("3½", ("31", "2"), id="fraction"), ("rock'n'roll", ("rock'n'roll",)), ("DOG'S'S", ("DOG",))],
)  # fmt: skip
def test_surfaces(token: str, surfaces: tuple[str, ...]) -> None:
    assert token_words(token).surfaces == surfaces


@pytest.mark.parametrize(
    ("token", "ends"),
    [("end.", True), ('end."', True), ("end.)", True), ("what?", True), ("Yahoo!", True), ("end", False),
     ("end,", False),
     ("St.", False), ("U.S.", False), ("J.", False), ("(Dr.", False), ("wait...", True),
     pytest.param("終。", True, id="ideographic full stop"), ("1999.", True)],
)  # fmt: skip
def test_ends_sentence(token: str, ends: bool) -> None:
    assert token_words(token).ends_sentence is ends


def test_sentence_end_inside_a_token() -> None:
    assert token_words("what?!Yes").joined == (False,)
    assert token_words("a,b").joined == (True,)


def test_hostile_possessives_take_linear_time() -> None:
    assert token_words("a" + "'s" * 200_000).surfaces == ("a",)
