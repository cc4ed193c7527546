"""Explanations on a terminal."""

from querygen.explain.explanation import Explanation, lines


def test_surfaces_of_strangers_cannot_steer_the_terminal() -> None:
    query = {"query_id": 1, "surface": "red\x1b[31m\nfox", "sources": ["title"]}
    found = Explanation(asked="red\x1b[32m", text="red 32m", in_list=True, query=query, sources=[], notes=[])
    assert "".join(lines(found)).isprintable()
