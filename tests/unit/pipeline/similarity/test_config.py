"""The options of `pipeline filter`: at least one rule, cosines in their range, what goes together."""

import pytest

from pipeline.similarity.config import FilterConfig


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "expected what to filter by: --min-similarity, --keep-fraction"),
        ({"min_similarity": 1.5}, "min_similarity is a cosine, from -1 to 1, found 1.5"),
        ({"near_duplicate_similarity": float("nan")}, "near_duplicate_similarity is a cosine"),
        ({"keep_fraction": 0.0}, "keep_fraction must be above 0 and at most 1, found 0.0"),
        ({"keep_fraction": 0.3, "min_similarity": 0.2}, "expected --min-similarity or --keep-fraction, found both"),
        ({"evaluation": ("e",)}, "--evaluation and --evaluation-similarity go together"),
        ({"evaluation_similarity": 0.9}, "--evaluation and --evaluation-similarity go together"),
    ],
    ids=["none", "above", "nan", "nothing", "both", "no-similarity", "no-evaluation"],
)
def test_refused(options: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        FilterConfig(embeddings="f", output="o", **options)


def test_what_looks_at_texts() -> None:
    assert FilterConfig(embeddings="f", output="o", min_similarity=0.0).by_text
    assert FilterConfig(embeddings="f", output="o", keep_fraction=1.0).by_text
    assert not FilterConfig(embeddings="f", output="o", near_duplicate_similarity=0.9).by_text
