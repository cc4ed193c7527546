"""A folder with a folder of images per class."""

from pathlib import Path

from schemas.image_files import IMAGE_SUFFIXES, is_image_name
from schemas.side_files import is_side_file
from trainer.evaluate.class_names import name_key
from trainer.evaluate.labelled.labelled import Dataset, Labelled


def images_of_folders(dataset: Dataset) -> Labelled:
    """Return the images below the class folders, sorted. Raises for a folder that is no class, but for side folders."""
    root = Path(dataset.path)
    numbers = dataset.classes.numbers
    paths: list[str] = []
    labels: list[int] = []
    passed_over = sum(entry.is_file() for entry in root.iterdir())
    for directory in sorted(entry for entry in root.iterdir() if entry.is_dir()):
        number = numbers.get(name_key(directory.name))
        names = [file.relative_to(directory).as_posix() for file in sorted(directory.rglob("*")) if file.is_file()]
        if number is None:
            if not is_side_file(directory.name):
                raise ValueError(
                    f"{dataset.option}: folder {directory.name!r} of {dataset.path} is no line of "
                    f"{dataset.of_classes}; add it there or remove it"
                )
            passed_over += len(names)
            continue
        images = [name for name in names if is_image_name(name) and not is_side_file(name)]
        paths += [f"{directory.name}/{name}" for name in images]
        labels += [number] * len(images)
        passed_over += len(names) - len(images)
    if not paths:
        raise FileNotFoundError(
            f"{dataset.option}: no image below the class folders of {dataset.path} ({passed_over} other files); "
            f"expected CLASS/NAME with one of {', '.join(IMAGE_SUFFIXES)}"
        )
    sizes = [(root / path).stat().st_size for path in paths]
    return Labelled(paths, labels, passed_over, lambda place: (root / paths[place]).read_bytes(), sizes)
