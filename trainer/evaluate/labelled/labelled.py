"""Images with the numbers of their classes, read one by one, and labels as datasets write them made such numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainer.evaluate.class_names import ClassNames, name_key


@dataclass(frozen=True)
class Dataset:
    """What a user names: where images lie, and their classes."""

    path: str
    classes: ClassNames
    option: str = "--dataset"
    of_classes: str = "--classes"
    """What messages call the two."""

    @property
    def where(self) -> str:
        """What messages about it begin with."""
        return f"{self.option}: {self.path}"


@dataclass(frozen=True)
class Labelled:
    """The images of a dataset with the number of each one's class."""

    names: list[str]
    """Of each image, within the dataset."""
    labels: list[int]
    passed_over: int
    """What else the dataset holds: files that are no image, side files, samples without a label."""
    read: Callable[[int], bytes] = field(compare=False, repr=False)
    """The bytes of an image by its place; from any thread. Raises OSError."""
    sizes: list[int] = field(compare=False, repr=False)
    """Bytes of each image, or of the file that it lies in: what tells that a dataset changed."""

    def __len__(self) -> int:
        return len(self.names)

    def every(self, start: int, step: int) -> "Labelled":
        """Return the images of one of `step` workers."""
        own = slice(start, None, step)
        return Labelled(
            self.names[own], self.labels[own], 0, lambda place: self.read(start + place * step), self.sizes[own]
        )


def class_numbers(labels: Sequence[Any], dataset: Dataset) -> list[int]:
    """Return the class of each label: labels are the classes' folders, or else all are numbers of classes from 0 on.

    Raises ValueError that names the first label that is neither.
    """
    texts = [str(label) for label in labels]
    known, num_classes = dataset.classes.numbers, len(dataset.classes)
    keys = {text: name_key(text) for text in dict.fromkeys(texts)}
    unknown = [text for text, key in keys.items() if key not in known]
    if not unknown:
        return [known[keys[text]] for text in texts]
    wrong = [text for text in keys if not (text.isascii() and text.isdigit() and int(text) < num_classes)]
    if not wrong:
        return [int(text) for text in texts]
    text = next((text for text in unknown if text in wrong), unknown[0])
    raise ValueError(
        f"{dataset.where}: label {text!a} of image {texts.index(text)} is no line of {dataset.of_classes}, nor are all "
        f"labels numbers from 0 to {num_classes - 1}; add it there, or give the classes of this dataset"
    )
