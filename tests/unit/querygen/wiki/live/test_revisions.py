"""Reading the answers of ``prop=revisions``; that real wikis give them so is tested in tests/integration."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from querygen.wiki.live.revisions import Found, found_pages

OWL: dict[str, Any] = {
    "ns": 0,
    "title": "Owl",
    "lastrevid": 7,
    "revisions": [{"slots": {"main": {"contentmodel": "wikitext", "content": "An owl."}}}],
}


def found(page: dict[str, Any], title: str = "Owl", **part: Any) -> Found:
    return found_pages([{"pages": [page], **part}], [title], with_text=True)[title]


def test_text_and_revision_of_a_page() -> None:
    assert found(OWL) == Found(title="Owl", revision=7, text="An owl.")
    assert found_pages([{"pages": [OWL]}], ["Owl"], with_text=False)["Owl"] == Found(title="Owl", revision=7)


def test_older_mediawiki_has_no_slots() -> None:
    old = {**OWL, "revisions": [{"contentmodel": "wikitext", "content": "An owl."}]}
    assert found(old) == found(OWL)


def test_titles_are_followed_through_spelling_and_redirects() -> None:
    part = {
        "normalized": [{"from": "owls_", "to": "Owls"}],
        "redirects": [{"from": "Owls", "to": "Owl (bird)"}, {"from": "Owl (bird)", "to": "Owl"}],
    }
    assert found(OWL, "owls_", **part) == Found(title="Owl", revision=7, text="An owl.")


def test_redirects_in_a_circle_end() -> None:
    part = {"redirects": [{"from": "A", "to": "B"}, {"from": "B", "to": "A"}]}
    assert found(OWL, "A", **part).problem == "page_missing"


def test_answer_in_parts_is_joined() -> None:
    bare = {key: value for key, value in OWL.items() if key != "revisions"}
    for parts in ([bare, OWL], [OWL, bare]):
        joined = found_pages([{"pages": [part]} for part in parts], ["Owl"], with_text=True)
        assert joined == {"Owl": Found(title="Owl", revision=7, text="An owl.")}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"missing": True}, "page_missing"),
        ({"invalid": True}, "page_missing"),
        ({"revisions": [{"slots": {"main": {"contentmodel": "wikitext", "texthidden": True}}}]}, "page_malformed"),
        ({"revisions": []}, "page_malformed"),
        ({"ns": 14, "revisions": []}, None),
    ],
)
def test_page_without_wikitext(change: dict[str, Any], problem: str | None) -> None:
    assert found({**OWL, **change}).problem == problem


def test_a_page_that_is_no_prose_keeps_its_model_and_no_text() -> None:
    slot = {"contentmodel": "json", "content": "{}"}
    assert found({**OWL, "revisions": [{"slots": {"main": slot}}]}) == Found(title="Owl", revision=7, model="json")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["title", "ns", "lastrevid", "revisions", "slots", "main", "content", "from", "to"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.fixed_dictionaries({}, optional={"pages": values, "redirects": values, "normalized": values}))
def test_any_answer_is_read_or_refused(part: dict[str, Any]) -> None:
    outcome: Found | str
    try:
        outcome = found_pages([part], ["Owl"], with_text=True)["Owl"]
    except ValueError as error:
        outcome = str(error)
    assert isinstance(outcome, Found) or "prop=revisions" in outcome
