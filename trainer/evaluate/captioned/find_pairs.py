"""The pairs of a dataset of any kind: where it lies in, images with captions out.

FILE.csv, FILE.tsv        columns path, caption; a row a caption
FILE.tar, a DIR of tars   shards: a.jpg beside a.json or a.txt
"""

from pathlib import Path

from schemas.existing_paths import is_dir, is_file
from schemas.side_files import is_side_file
from trainer.evaluate.captioned.caption_list import captions_of_list
from trainer.evaluate.captioned.caption_tars import captions_of_tars
from trainer.evaluate.captioned.captioned import Captioned


def find_pairs(path: str, image_dir: str | None, option: str = "--pairs") -> Captioned:
    """Return the captioned images at `path`. Raises FileNotFoundError or ValueError that names option and file."""
    root = Path(path)
    if is_dir(root):
        tars = sorted(file for file in root.rglob("*.tar") if not is_side_file(file.name))
        if not tars:
            raise FileNotFoundError(f"{option}: {path} holds no .tar; expected shards, or a .csv or .tsv file")
        return captions_of_tars(tars, f"{option}: {path}")
    if not is_file(root):
        raise FileNotFoundError(f"{option}: no such file or folder {path!r}")
    if root.suffix.lower() == ".tar":
        return captions_of_tars([root], f"{option}: {root.parent}")
    if root.suffix.lower() not in (".csv", ".tsv"):
        raise ValueError(
            f"{option}: {path}: expected a folder of shards, a .tar, or a .csv or .tsv of paths and captions"
        )
    return captions_of_list(path, image_dir, option)
