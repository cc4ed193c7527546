"""Images with their captions; images are read one by one, captions are held (a Python string each)."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Captioned:
    """The pairs of a dataset by their images."""

    names: list[str]
    """Of each image, within the dataset."""
    captions: list[list[str]]
    """Of each image, one or more."""
    passed_over: int
    """Rows or samples without an image or a caption."""
    read: Callable[[int], bytes] = field(compare=False, repr=False)
    """The bytes of an image by its place; from any thread. Raises OSError."""
    sizes: list[int] = field(compare=False, repr=False)
    """Bytes of each image: what tells that a dataset changed."""

    def __len__(self) -> int:
        return len(self.names)
