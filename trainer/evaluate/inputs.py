"""The images of a dataset: a folder with a folder of images per class in, paths with class numbers out."""

from dataclasses import dataclass
from pathlib import Path

from schemas.image_files import IMAGE_SUFFIXES
from schemas.side_files import is_side_file
from trainer.evaluate.class_names import name_key


@dataclass(frozen=True)
class Labelled:
    """The images of a dataset with the number of each one's class."""

    paths: list[str]
    labels: list[int]
    passed_over: int
    """Other files of the dataset: side files, and those that are not named as an image."""


def find_images(dataset: str, classes: list[str], option: str = "--dataset", of_classes: str = "--classes") -> Labelled:
    """Return the images below the class folders, sorted; the options are named in what is raised.

    Raises FileNotFoundError, and ValueError for a folder that is no class, but for side folders.
    """
    root = Path(dataset)
    if not root.is_dir():
        raise FileNotFoundError(f"{option}: no such folder {dataset!r}")
    numbers = {name_key(name): number for number, name in enumerate(classes)}
    paths: list[str] = []
    labels: list[int] = []
    passed_over = sum(entry.is_file() for entry in root.iterdir())
    for directory in sorted(entry for entry in root.iterdir() if entry.is_dir()):
        number = numbers.get(name_key(directory.name))
        names = [file.relative_to(directory).as_posix() for file in sorted(directory.rglob("*")) if file.is_file()]
        if number is None:
            if not is_side_file(directory.name):
                raise ValueError(
                    f"{option}: folder {directory.name!r} of {dataset} is no line of {of_classes}; "
                    "add it there or remove it"
                )
            passed_over += len(names)
            continue
        images = [name for name in names if name.lower().endswith(IMAGE_SUFFIXES) and not is_side_file(name)]
        paths += [f"{directory.name}/{name}" for name in images]
        labels += [number] * len(images)
        passed_over += len(names) - len(images)
    if not paths:
        raise FileNotFoundError(
            f"{option}: no image below the class folders of {dataset} ({passed_over} other files); expected "
            f"CLASS/NAME with one of {', '.join(IMAGE_SUFFIXES)}"
        )
    return Labelled(paths, labels, passed_over)
