"""Content-Usage and Content-Signal: labels and values, in the case that each has."""

import pytest

from pipeline.download.policy.usage import MAX_LABELS, content_signal, content_usage


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("train-ai=n", ["content-usage/train-ai=n"]),
        ("train-ai=y", ["content-usage/train-ai=y"]),
        ("train-ai=N", ["content-usage/train-ai=other"]),
        ("train-ai", ["content-usage/train-ai=other"]),
        ("search=n, train-ai=y", ["content-usage/search=n", "content-usage/train-ai=y"]),
        ("ai-train=n", ["content-usage/other-label=other"]),
        ("bots=n", ["content-usage/other-label=other"]),
        ("train-ai=n,", ["content-usage=malformed"]),
        ("Train-AI=n", ["content-usage=malformed"]),
    ],
)
def test_content_usage(text: str, rows: list[str]) -> None:
    assert [signal.row for signal in content_usage("header", text)] == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("search=yes, ai-train=no", ["content-signal/search=yes", "content-signal/ai-train=no"]),
        ("AI-Train=NO", ["content-signal/ai-train=no"]),
        ("ai-train = no ,, ai-input=no", ["content-signal/ai-train=no", "content-signal/ai-input=no"]),
        ("ai-train=n", ["content-signal/ai-train=other"]),
        ("ai-train", ["content-signal/ai-train=other"]),
        ("train-ai=no", ["content-signal/other-label=other"]),
        ("", []),
    ],
)
def test_content_signal(text: str, rows: list[str]) -> None:
    assert [signal.row for signal in content_signal("robots.txt", text)] == rows


def test_a_flood_of_labels_is_bounded() -> None:
    assert len(content_usage("header", ", ".join(f"a{number}=n" for number in range(1_000)))) == MAX_LABELS
    assert len(content_signal("header", ",".join(["ai-train=no"] * 1_000))) == MAX_LABELS
