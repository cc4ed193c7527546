"""Batches through the encoders: the features of each alone, in the order that they came."""

import torch

from tests.unit.trainer.weights.test_begin import CONFIG, TOKENIZER
from trainer.model.clip import CLIP
from trainer.use.encode import BATCHES_TOGETHER, encode_image_batches, encode_texts

WORDS = ["a", "red", "star", "on", "grey", "two", "blue", "circles"]


def model() -> CLIP:
    torch.manual_seed(0)
    return CLIP(CONFIG).eval()


def test_texts_come_out_in_their_order_whatever_their_lengths() -> None:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(0, 12, (3 * BATCHES_TOGETHER + 5,), generator=generator).tolist()
    texts = [" ".join(WORDS[(place + n) % 8] for n in range(length)) for place, length in enumerate(lengths)]
    clip, asked = model(), []

    def given() -> object:
        for text in texts:
            asked.append(text)
            yield text

    parts = encode_texts(clip, TOKENIZER, given(), batch_size=2)  # type: ignore[arg-type]
    first = next(parts)
    assert len(first) == len(asked) == 2 * BATCHES_TOGETHER  # no more texts are held than that
    found = torch.cat([first, *parts])
    with torch.no_grad():
        alone = torch.cat([clip.encode_texts(TOKENIZER.encode([text])) for text in texts])
    torch.testing.assert_close(found, alone, rtol=0, atol=1e-6)
    assert not found.requires_grad


def test_no_text_gives_nothing() -> None:
    assert list(encode_texts(model(), TOKENIZER, [])) == []


def test_images_by_batches() -> None:
    images = torch.randint(0, 256, (7, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    clip = model()
    parts = list(encode_image_batches(clip, images.split(3)))
    assert [len(part) for part in parts] == [3, 3, 1]
    with torch.no_grad():
        torch.testing.assert_close(torch.cat(parts), clip.encode_images(images), rtol=0, atol=1e-6)
