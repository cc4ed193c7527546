"""Many images or texts through the encoders: iterators in, float32 features on the host out, in the order they came.

Shapes: N of a batch, P pixels per side, E embedding.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

import torch

from trainer.data.packed_texts import PackedTexts
from trainer.model.clip import CLIP
from trainer.tokenizer import CaptionTokenizer

BATCHES_TOGETHER = 32
"""Batches of texts that are sorted by length together; their tokens and features are what is held."""


@torch.no_grad()
def encode_image_batches(model: CLIP, batches_N3PP: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
    """Yield the features ``[N, E]`` of each batch of uint8 images.

    One batch behind on a GPU: the next is on its way while the features of the one before are fetched.
    """
    device = model.logit_scale.device
    before: torch.Tensor | None = None
    for images_N3PP in batches_N3PP:
        features_NE = model.encode_images(images_N3PP.to(device, non_blocking=True))
        if before is not None:
            yield before.cpu()
        before = features_NE
        if device.type == "cpu":
            yield before
            before = None
    if before is not None:
        yield before.cpu()


def encode_texts(
    model: CLIP, tokenizer: CaptionTokenizer, texts: Iterable[str], batch_size: int = 256
) -> Iterator[torch.Tensor]:
    """Yield features ``[N, E]`` in the order of the texts, up to `BATCHES_TOGETHER` batches at a time.

    Texts of these batches go through the encoder sorted by length: those of one length share their attention, and no
    batch waits for one long text. The features are the same but for rounding.
    """
    remaining = iter(texts)
    while together := list(islice(remaining, BATCHES_TOGETHER * batch_size)):
        yield encode_packed(model, tokenizer.encode(together), batch_size)


@torch.no_grad()
def encode_packed(model: CLIP, texts: PackedTexts, batch_size: int) -> torch.Tensor:
    """Return the features ``[N, E]`` of texts, `batch_size` of like length at a time."""
    by_length, places_N = texts.by_length()
    device = model.logit_scale.device
    batches = [by_length.rows(start, min(start + batch_size, texts.num)) for start in range(0, texts.num, batch_size)]
    parts = [model.encode_texts(batch.to(device, non_blocking=True)) for batch in batches]
    return torch.cat(parts).cpu()[places_N]
