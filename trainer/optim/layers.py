"""Which layer of which encoder a parameter stands in, by its name: for rates that differ between layers.

         image, transformer                   image, ResNet       text
depth    ln_post, proj                        attnpool            ln_final, text_projection
1 .. n   transformer.resblocks.0 .. n-1       layer1 .. layer4    transformer.resblocks.0 .. n-1
0        conv1, embeddings, ln_pre            stem                embeddings
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Encoder = Literal["image", "text"]

_ENCODER = re.compile(r"(image|text)_encoder\.(.+)")
_BLOCK = re.compile(r"transformer\.resblocks\.(\d+)\.|layer(\d)\.")
_TOP = ("ln_post", "proj", "attnpool", "ln_final", "text_projection")


@dataclass(frozen=True)
class Layer:
    """Where a parameter stands."""

    encoder: Encoder | None
    """None: beside both, as the logit scale."""
    below_top: int
    """Layers above it in its encoder."""


def find_layers(names: Iterable[str]) -> dict[str, Layer]:
    """Return the layer of each parameter of a CLIP by its name; `names` are those of all parameters."""
    places = {name: _place(name) for name in names}
    depths: dict[Encoder, int] = {}
    for encoder, block in places.values():
        if encoder is not None and block is not None:
            depths[encoder] = max(depths.get(encoder, 1), block + 1)
    return {
        name: Layer(encoder, 0 if encoder is None or block is None else depths[encoder] - block)
        for name, (encoder, block) in places.items()
    }


def _place(name: str) -> tuple[Encoder | None, int | None]:
    """Return the encoder and the number of the layer, None for the top one."""
    inside = _ENCODER.fullmatch(name)
    if inside is None:
        return None, None
    encoder: Encoder = "image" if inside[1] == "image" else "text"
    if inside[2].split(".")[0] in _TOP:
        return encoder, None
    block = _BLOCK.match(inside[2])
    if block is None:
        return encoder, 0
    return encoder, int(block[1]) + 1 if block[1] is not None else int(block[2])
