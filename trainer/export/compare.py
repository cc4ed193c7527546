"""A model and what another program makes of its export: the same images and texts through both, the difference out.

Shapes: N images or texts, E embedding, P pixels per side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from trainer.export.probes import probe_images, probe_texts
from trainer.use.load import Loaded

TOLERANCE = 1e-4
"""Most that features may differ by, as a part of the largest value, in float32: rounding alone is below 1e-5."""
BATCHES = (1, 2, 5)
"""Rows at a time: what takes a batch of one size alone is found out."""


class Reader(Protocol):
    """A program that has opened an export."""

    title: str
    """Its name and version."""

    def image_features(self, images_N3PP: torch.Tensor) -> torch.Tensor:
        """Return ``[N, E]`` of length one, float32, of uint8 squares that went through the reader's preprocessing."""

    def text_features(self, texts: Sequence[str]) -> torch.Tensor:
        """Return ``[N, E]`` of length one, float32, of texts that went through the reader's tokenizer."""

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's ids from [SOS] to [EOS]."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What was found."""

    title: str
    """The reader's."""
    images: float
    """Largest difference of image features over their largest value."""
    texts: float
    """The same of text features."""
    num_images: int
    num_texts: int
    """Of which the ids were the same, too."""


def compare(ours: Loaded, theirs: Reader) -> Comparison:
    """Return how far a reader's features are from ours. Raises ValueError where it is further than `TOLERANCE`."""
    images_N3PP, texts = probe_images(ours.preprocess.image_px), probe_texts()
    _compare_ids(ours, theirs, texts)
    found = {"image": 0.0, "text": 0.0}
    for size in BATCHES:
        pairs = {
            "image": (ours.model.encode_images(images_N3PP[:size]), theirs.image_features(images_N3PP[:size])),
            "text": (ours.model.encode_texts(ours.tokenizer(texts[:size])), theirs.text_features(texts[:size])),
        }
        for kind, (wanted_NE, found_NE) in pairs.items():
            found[kind] = max(found[kind], _difference(f"{kind} features of {theirs.title}", wanted_NE, found_NE))
    wanted_NE, found_NE = ours.model.encode_texts(ours.tokenizer(texts)), theirs.text_features(texts)
    found["text"] = max(found["text"], _difference(f"text features of {theirs.title}", wanted_NE, found_NE))
    return Comparison(
        title=theirs.title, images=found["image"], texts=found["text"],
        num_images=len(images_N3PP), num_texts=len(texts),
    )  # fmt: skip


def _compare_ids(ours: Loaded, theirs: Reader, texts: Sequence[str]) -> None:
    wanted = ours.tokenizer.encode(list(texts)).to_lists()
    for text, ours_ids, their_ids in zip(texts, wanted, theirs.token_ids(texts), strict=True):
        if ours_ids != their_ids:
            raise ValueError(
                f"{theirs.title} gives {text[:40]!a} the ids {_shown(their_ids)}, expected {_shown(ours_ids)}; nothing "
                "was written"
            )


def _difference(what: str, wanted_NE: torch.Tensor, found_NE: torch.Tensor) -> float:
    """Return the largest difference over the largest value. Raises ValueError that says `what` is too far off."""
    if found_NE.shape != wanted_NE.shape:
        raise ValueError(f"{what}: expected the shape {list(wanted_NE.shape)}, found {list(found_NE.shape)}")
    part = float((found_NE - wanted_NE).abs().max() / wanted_NE.abs().max())
    if not part <= TOLERANCE:
        raise ValueError(
            f"{what} differ by {part:.1e} of the largest value, expected at most {TOLERANCE:.0e}; nothing was written"
        )
    return part


def _shown(ids: Sequence[int]) -> str:
    return ", ".join(map(str, ids[:8])) + (" ..." if len(ids) > 8 else "")
