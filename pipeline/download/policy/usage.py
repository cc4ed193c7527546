"""Preferences about uses: AIPREF's ``Content-Usage`` and ``Content-Signal``. The text of a line in, signals out."""

from pipeline.download.policy.evidence import Signal, printable
from pipeline.download.policy.structured import dictionary_tokens

_AIPREF_LABELS = ("train-ai", "search")
_SIGNAL_LABELS = ("ai-train", "ai-input", "search")
MAX_LABELS = 32
"""Of a line: further ones are not kept."""


def content_usage(place: str, text: str) -> list[Signal]:
    """Return the signals of a dictionary of AIPREF's vocabulary (draft of 2026-09); y and n are tokens."""
    members = dictionary_tokens(text)
    if members is None:
        return [Signal(place, "content-usage", "malformed", printable(text))]
    found = []
    for label, token in list(members.items())[:MAX_LABELS]:
        if label in _AIPREF_LABELS:
            value, name = token if token in ("y", "n") else "other", f"content-usage/{label}"
        else:
            value, name = "other", "content-usage/other-label"
        found.append(Signal(place, name, value, printable(text)))
    return found


def content_signal(place: str, text: str) -> list[Signal]:
    """Return the signals of a list ``search=yes, ai-train=no``; names and values in any case."""
    found = []
    for item in text.split(",", MAX_LABELS)[:MAX_LABELS]:
        label, _, value = (part.strip().lower() for part in item.partition("="))
        if label in _SIGNAL_LABELS:
            word = value if value in ("yes", "no") else "other"
            found.append(Signal(place, f"content-signal/{label}", word, printable(item.strip())))
        elif item.strip():
            found.append(Signal(place, "content-signal/other-label", "other", printable(item.strip())))
    return found
