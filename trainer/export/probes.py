"""What an exported model is tried on: random squares of pixels, and texts that meet each rule of a tokenizer.

The same at each call. Shapes: N images, P pixels per side.
"""

import string

import torch

NUM_IMAGES = 5
NUM_RANDOM_TEXTS = 3
_FIXED = (
    "a photo of a dog",
    "",
    "Two RED  kites,\n3 metres high!",
    "it's a café: été, crème brûlée",
    "salt &amp; pepper &lt;b&gt; &quot;now&quot; &#39;97",
    "日本語 и кириллица",
    "🙂 ☃ 1/2",
    "one word after another " * 50,
)


def probe_images(image_px: int) -> torch.Tensor:
    """Return uint8 ``[N, 3, P, P]``."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (NUM_IMAGES, 3, image_px, image_px), dtype=torch.uint8, generator=generator)


def probe_texts() -> list[str]:
    """Return captions of all kinds: empty, too long, accents, references, other scripts, random letters."""
    generator = torch.Generator().manual_seed(0)
    letters = string.ascii_letters + string.digits + "  "
    drawn = torch.randint(0, len(letters), (NUM_RANDOM_TEXTS, 40), generator=generator).tolist()
    return [*_FIXED, *("".join(letters[number] for number in row) for row in drawn)]
