"""Options that cannot be are refused with field and value."""

from typing import Any

import pytest

from querygen.config import BuildConfig


@pytest.mark.parametrize(
    ("field", "value"),
    [("size", 0), ("size", 2**31), ("min_word_count", 0), ("min_bigram_count", -1), ("count_floor", 0),
     ("num_processes", -1), ("language", ""), ("language", "en wiki")],
)  # fmt: skip
def test_bad_values(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{field}.*{value!r}"):
        BuildConfig(**{"dump": "d", "pageviews": "p", "output": "o", field: value})
