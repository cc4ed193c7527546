"""The images of a dataset of any kind: where it lies and its classes in, images with class numbers out.

DIR/CLASS/a.jpg           a folder of images per class
FILE.csv, FILE.tsv        columns path, label
FILE.parquet, a DIR       columns image (bytes), label
FILE.tar, a DIR           a.jpg beside a.cls or a.json
"""

from pathlib import Path

from schemas.existing_paths import is_dir, is_file
from schemas.side_files import is_side_file
from trainer.evaluate.class_names import ClassNames, name_key
from trainer.evaluate.labelled.class_folders import images_of_folders
from trainer.evaluate.labelled.labelled import Dataset, Labelled
from trainer.evaluate.labelled.parquet_rows import images_of_parquet
from trainer.evaluate.labelled.path_list import images_of_list
from trainer.evaluate.labelled.tar_samples import images_of_tars


def find_images(path: str, classes: ClassNames, option: str = "--dataset", of_classes: str = "--classes") -> Labelled:
    """Return the labelled images of the dataset at `path`, in its order; the options are named in what is raised.

    A folder with a class's folder in it is one of class folders, whatever else it holds. Raises FileNotFoundError or
    ValueError that names the file, and the label that is no class.
    """
    dataset, root = Dataset(path, classes, option, of_classes), Path(path)
    if is_dir(root):
        if not _has_class_folder(root, classes):
            for suffix, images_of in ((".tar", images_of_tars), (".parquet", images_of_parquet)):
                if files := sorted(file for file in root.rglob(f"*{suffix}") if not is_side_file(file.name)):
                    return images_of(dataset, files)
        return images_of_folders(dataset)
    if not is_file(root):
        raise FileNotFoundError(f"{option}: no such folder {path!r}, and no such file")
    suffix = root.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return images_of_list(dataset)
    if suffix not in (".parquet", ".tar"):
        raise ValueError(f"{dataset.where}: expected a folder, or a .csv, .tsv, .parquet or .tar file")
    return (images_of_parquet if suffix == ".parquet" else images_of_tars)(dataset, [root])


def _has_class_folder(root: Path, classes: ClassNames) -> bool:
    known = classes.numbers
    return any(entry.is_dir() and name_key(entry.name) in known for entry in root.iterdir())
