"""Options that cannot be are refused with field and value."""

from typing import Any

import pytest

from querygen.config import BuildConfig, CountConfig, MergeConfig


@pytest.mark.parametrize(
    ("field", "value"),
    [("size", 0), ("size", 2**31), ("min_word_count", 0), ("min_bigram_count", -1), ("count_floor", 0),
     ("num_processes", -1), ("language", ""), ("language", "en wiki"), ("memory_gb", 0.5), ("requests_per_s", 0.0),
     ("depth", -1), ("max_stop_word_share", 1.5), ("budgets", "1,2,3")],
)  # fmt: skip
def test_bad_values(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{field}.*{value!r}"):
        BuildConfig(**{"dump": "d", "pageviews": "p", "output": "o", field: value})


@pytest.mark.parametrize(("field", "value"), [("num_processes", -1), ("memory_gb", 0.5), ("count_floor", 0)])
def test_bad_values_of_count_and_merge(field: str, value: Any) -> None:
    for kind, inputs in ((CountConfig, {"dump": "d"}), (MergeConfig, {"inputs": ("a",)})):
        with pytest.raises(ValueError, match=f"{field}.*{value!r}"):
            kind(**inputs, **{"output": "o", field: value})


@pytest.mark.parametrize("inputs", [{}, {"dump": "d", "counts": "c"}, {"dump": "d", "wiki_category": "Birds"}])
def test_one_input_and_no_other(inputs: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected one of --dump, --counts and --wiki-category"):
        BuildConfig(output="o", **inputs)


CATEGORY_OPTIONS = {
    "max_pages": 5, "wiki_url": "http://localhost/w", "contact": "me@example.org", "cache_dir": "c",
    "wiki_refresh": True,
    "depth": 3,
    "requests_per_s": 9.5,
    "wiki_text": "extract",
}  # fmt: skip


@pytest.mark.parametrize("field", CATEGORY_OPTIONS)
def test_options_of_a_category_are_refused_without_one(field: str) -> None:
    given: dict[str, Any] = {"output": "o", field: CATEGORY_OPTIONS[field]}
    with pytest.raises(ValueError, match=f"{field} is of use with --wiki-category only"):
        BuildConfig(dump="d", **given)
    assert getattr(BuildConfig(wiki_category="Birds", **given), field) == CATEGORY_OPTIONS[field]


def test_thresholds_are_the_presets_unless_given() -> None:
    asked = BuildConfig(dump="d", output="o", preset="metaclip", min_views=5)
    assert [asked.threshold(name) for name in ("min_word_count", "min_bigram_count", "min_views")] == [100, 10, 5]
