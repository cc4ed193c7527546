"""The images of a bias probe: a CSV with a path and a group a row in, both out."""

from dataclasses import dataclass
from pathlib import Path

from schemas.existing_paths import is_file
from trainer.evaluate.csv_rows import read_rows

NO_GROUP = "(none)"
PATH_COLUMN = "path"


@dataclass(frozen=True)
class GroupedImages:
    """Images with their groups, in the order of the rows."""

    root: str
    paths: list[str]
    groups: list[str]


def read_groups(path: str, column: str) -> GroupedImages:
    """Return the rows. Raises FileNotFoundError, or ValueError that names the file, the column or the line.

    An image twice, or one that leads out of the CSV's folder, is refused: no image is counted twice, and the file may
    come from others.
    """
    found = read_rows(path, "--images")
    for name in (PATH_COLUMN, column):
        if name not in found.names:
            raise ValueError(f"--images: {path}: no column {name!r}; found {', '.join(found.names)!r}")
    root, groups = Path(path).parent, []
    lines: dict[str, int] = {}
    for line, row in found.rows:
        name, where = row[PATH_COLUMN] or "", f"--images: {path}, line {line}"
        if name in lines:
            raise ValueError(f"{where}: {name!r} is already on line {lines[name]}")
        if not name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise ValueError(f"{where}: expected a path below the folder of the file, found {name!r}")
        if not is_file(root / name):
            raise FileNotFoundError(f"{where}: no such image {name!r} in {root}")
        lines[name] = line
        groups.append((row[column] or "").strip() or NO_GROUP)
    if not lines:
        raise ValueError(f"--images: {path} has no rows")
    return GroupedImages(str(root), list(lines), groups)
