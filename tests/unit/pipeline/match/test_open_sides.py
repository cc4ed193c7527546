"""Which queries ask for a space on which side."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.match.open_sides import asks_no_space, open_sides

TEXTS = st.lists(st.text(st.sampled_from("aB北ね,.ไé "), max_size=4), max_size=8)


@given(TEXTS)
def test_a_query_is_open_where_its_end_is_of_such_a_script(surfaces: list[str]) -> None:
    found = open_sides(pa.array(surfaces, pa.string()))
    ends = [(asks_no_space(text[0]), asks_no_space(text[-1])) if text else (False, False) for text in surfaces]
    assert found.is_open.tolist() == [any(one) for one in ends]
    padded = [
        " " * (not first) + text + " " * (not last)
        for text, (first, last) in zip(surfaces, ends, strict=True)
        if first or last
    ]
    assert found.padded.to_pylist() == padded


def test_characters_of_scripts_without_spaces_and_punctuation_ask_for_none() -> None:
    assert all(map(asks_no_space, "北ねカไລမខབ,、」\U00020000"))
    assert not any(map(asks_no_space, "aé1д한 \u3040\u3100"))
