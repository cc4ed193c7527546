"""Normal forms of many titles at once are those of `schemas.text`."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from querygen.titles.title_form import normal_forms
from schemas.text import normal_form

TEXT = st.one_of(st.text(max_size=20), st.text("ab'’sS .-éİßﬁ½\u0301\ufdfa가日", max_size=12))


def forms(titles: list[str]) -> list[str]:
    """Return what the kernel makes of `titles`."""
    raw = [title.encode() for title in titles]
    offsets = np.cumsum([0, *map(len, raw)]).astype(np.int64)
    found, ends = normal_forms(np.frombuffer(b"".join(raw), dtype=np.uint8), offsets[:-1], offsets[1:])
    return [found[ends[row] : ends[row + 1]].tobytes().decode() for row in range(len(raw))]


@given(st.lists(TEXT, max_size=8))
def test_normal_forms(titles: list[str]) -> None:
    assert forms(titles) == [normal_form(title) for title in titles]
