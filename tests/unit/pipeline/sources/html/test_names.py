"""Names of tags and attributes are known in any case; others are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.html import names
from pipeline.sources.html.names import _ATTRIBUTES, _TAGS, attribute_code, tag_code


def code(look_up: object, name: str) -> int:
    assert callable(look_up)
    raw = name.encode()
    return int(look_up(np.frombuffer(b"<" + raw + b">", dtype=np.uint8), 1, 1 + len(raw)))


@pytest.mark.parametrize("name", _TAGS)
def test_every_tag(name: str) -> None:
    assert [code(tag_code, one) for one in (name, name.upper(), name.title())] == [_TAGS[name]] * 3


@pytest.mark.parametrize("name", _ATTRIBUTES)
def test_every_attribute(name: str) -> None:
    assert [code(attribute_code, one) for one in (name, name.upper())] == [_ATTRIBUTES[name]] * 2


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12))
def test_other_names_are_none(name: str) -> None:
    assert code(tag_code, name) == _TAGS.get(name.lower(), 0)
    assert code(attribute_code, name) == _ATTRIBUTES.get(name.lower(), -1)


def test_tags_whose_attributes_are_read_stand_before_the_others() -> None:
    assert all(one < names.PICTURE for one in (names.IMG, names.META, names.A, names.LINK, names.HTML))
