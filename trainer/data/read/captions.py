"""Captions of a sample: what its members say, and which of them a row takes.

In: the description (``.json``) and the text (``.txt``) beside an image. Out: its captions, as `pipeline collect` takes
them from the same members.
"""

import json
from dataclasses import dataclass
from typing import Any

from schemas.sample import CAPTION_KEYS, LISTED_CAPTIONS
from schemas.text_lines import without_mark

MARK = "\ufeff"
"""A byte order mark that was read as a character."""
FIRST, RANDOM = "first", "random"


def captions_of(description: bytes | None, text: bytes | None) -> list[str]:
    """Return the captions of a sample: those of its description, else its text; empty without any."""
    if description is not None:
        found = texts_of(_listed(_parsed(description)))
        if found:
            return found
    if text is not None:
        caption = without_mark(text).decode("utf-8", "replace").strip()
        return [caption] if caption else []
    return []


def _parsed(description: bytes) -> Any:
    try:
        return json.loads(description)
    except (ValueError, RecursionError):
        return {}


def texts_of(items: list[Any]) -> list[str]:
    """Return what of `items` are captions; one without any letter is none."""
    texts = [_text_of(item) for item in items]
    captions = [text.removeprefix(MARK) for text in texts if isinstance(text, str)]
    return [text for text in captions if text.strip()]


def _listed(body: Any) -> list[Any]:
    """Return what stands in a sample's description in place of captions."""
    if isinstance(body, dict):
        listed = body.get(LISTED_CAPTIONS)
        if not isinstance(listed, list | str) or not listed:
            listed = next((body[key] for key in CAPTION_KEYS if body.get(key) not in (None, "", [])), [])
        body = listed
    return body if isinstance(body, list) else [body]


def _text_of(item: Any) -> Any:
    if isinstance(item, dict):  # as annotations are listed: [{"caption": "a cat"}, ...]
        return next((item[key] for key in CAPTION_KEYS if isinstance(item.get(key), str)), None)
    return item


@dataclass(frozen=True)
class CaptionRule:
    """Which caption of its sample a row takes."""

    kinds: tuple[str, ...] = ()
    """Members of the description that hold captions of one kind each (``alt``, ``synthetic``); none: all captions."""
    weights: tuple[float, ...] = ()
    """Of each kind; a sample that lacks one takes one of the others, by their weights."""
    first: bool = False
    """Always the first."""

    def choose(
        self, description: bytes | None, text: bytes | None, further: list[str], epoch: int, draws: tuple[int, int]
    ) -> str | None:
        """Return the caption for `epoch`, None when the sample has none.

        `draws` are 64 random bits of the sample, and 64 of the sample in this epoch. Of k captions each comes once in
        any k epochs; a kind comes as often as its weight says, on average.
        """
        draw, draw_of_epoch = draws
        if self.kinds:
            found = self._of_kinds(description, draw_of_epoch)
        else:
            found = [*captions_of(description, text), *further]
        if not found:
            return None
        return found[0] if self.first else found[(draw + epoch) % len(found)]

    def _of_kinds(self, description: bytes | None, draw: int) -> list[str]:
        body = _parsed(description) if description is not None else {}
        if not isinstance(body, dict):
            return []
        held = [
            (weight, texts_of(value if isinstance(value := body.get(kind), list) else [value]))
            for kind, weight in zip(self.kinds, self.weights, strict=True)
        ]
        held = [(weight, texts) for weight, texts in held if texts]
        if not held:
            return []
        at = draw / (1 << 64) * sum(weight for weight, _ in held)
        for weight, texts in held:
            if at < weight:
                return texts
            at -= weight
        return held[-1][1]


def parse_rule(text: str) -> CaptionRule:
    """Return the rule that `text` names: ``first``, ``random``, or ``KEY=WEIGHT,KEY=WEIGHT``.

    Raises ValueError that says what was expected.
    """
    if text == FIRST:
        return CaptionRule(first=True)
    if text == RANDOM:
        return CaptionRule()
    kinds: list[str] = []
    weights: list[float] = []
    for part in text.split(","):
        kind, equals, weight = part.partition("=")
        try:
            number = float(weight)
        except ValueError:
            number = -1.0
        if not kind or not equals or not 0 < number < float("inf") or kind in kinds:
            raise ValueError(
                f"captions must be {FIRST}, {RANDOM} or members of the samples' json with weights "
                f"(caption=1,synthetic=2), found {text!r}"
            )
        kinds.append(kind)
        weights.append(number)
    return CaptionRule(tuple(kinds), tuple(weights))
