"""What two geometries differ in: fields and values, for one line. Imports nothing slow."""

from collections.abc import Sequence

from trainer.presets import ModelConfig


def differences(ours: ModelConfig, theirs: ModelConfig, but: Sequence[str] = ("image_px", "vocab_size")) -> list[str]:
    """Return what differs, but for fields that weights can be fitted in: images' size; the vocabulary by tokenizer."""
    found = [] if ours.embed_dim == theirs.embed_dim else [f"embed_dim {ours.embed_dim}, not {theirs.embed_dim}"]
    if type(ours.image) is not type(theirs.image):
        return [f"an image encoder of kind {type(ours.image).__name__}, not {type(theirs.image).__name__}"]
    for part, left, right in (("image", ours.image, theirs.image), ("text", ours.text, theirs.text)):
        for name, value in vars(left).items():
            other = getattr(right, name)
            if name not in but and value != other:
                found.append(f"{part}.{name} {value!r}, not {other!r}")
    return found
