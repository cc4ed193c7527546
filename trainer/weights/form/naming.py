"""How a project names the tensors of a model: for each of ours, what stands for it in its weights.

One function a project gives the `Source` of a tensor of ours; what a file holds beside is judged by its name.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

IMAGE, TEXT = "image_encoder.", "text_encoder."
"""What our names of the encoders' tensors begin with."""


@dataclass(frozen=True)
class Source:
    """Where one tensor of ours stands in another project's weights."""

    names: tuple[str, ...]
    """Several are joined, row after row: query, key and value."""
    is_transposed: bool = False


@dataclass(frozen=True)
class Naming:
    """A project's names."""

    title: str
    mark: str
    """A name that only weights of this kind have."""
    source: Callable[[str], Source | None]
    """The source of a tensor of ours; None: this kind of weights has none of it."""
    of_image: tuple[str, ...]
    """What the image encoder's names begin with: one that is not taken is a mismatch."""
    of_text: tuple[str, ...] = ()
    """The same of the rest of a CLIP."""
    patch_bias: str | None = None
    """The patch convolution's bias, which our encoder keeps in its position embeddings."""


PASSED_OVER = ("position_ids", "attn_mask", "num_batches_tracked", "input_resolution", "context_length", "vocab_size")
"""Ends of the names of what is no weight."""

_WRAPPERS = ("module.", "_orig_mod.", "vit.")
"""What DistributedDataParallel, torch.compile and classifiers put before all names, or all of an encoder."""


def plain_name(name: str) -> str:
    """Return a tensor's name without what wrappers put before it; open_clip's ``text.`` too."""
    for wrapper in _WRAPPERS:
        name = name.removeprefix(wrapper)
    return name.removeprefix("text.")


def naming_of(names: Iterable[str], namings: Iterable[Naming], where: str) -> Naming:
    """Return which of `namings` these plain names follow. Raises ValueError that names `where`."""
    found = set(names)
    namings = list(namings)
    for naming in namings:
        if naming.mark in found:
            return naming
    known = ", ".join(f"{naming.title} ({naming.mark})" for naming in namings)
    raise ValueError(f"{where}: expected the weights of {known}; found {', '.join(sorted(found)[:5]) or 'nothing'}")
