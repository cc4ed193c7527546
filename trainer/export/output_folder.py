"""An output folder that appears whole or not at all: written beside its place, renamed when the block ends."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.storage import TEMPORARY_MARK, Folder


def check_output(output: str) -> Path:
    """Return the path of a folder that may be written. Raises ValueError, or FileExistsError where files are."""
    folder = Folder(output)
    if not folder.local:
        raise ValueError(
            f"--output: expected a folder of this machine, which other programs open by its path, found {output!r}"
        )
    path = Path(folder.root)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        what = "a folder with files in it" if path.is_dir() else "a file"
        raise FileExistsError(f"--output: {path} is {what}; expected an absent or empty folder")
    return path


@contextmanager
def appearing(path: Path) -> Iterator[Folder]:
    """Give an empty folder that becomes `path` when the block ends, and is deleted when it raises."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f"{path.name}{TEMPORARY_MARK}", dir=path.parent))
    try:
        beside.chmod(0o777 & ~_umask())  # mkdtemp's folders are for their owner alone
        yield Folder(str(beside))
        os.replace(beside, path)  # an empty folder there is replaced; one that was filled meanwhile is an OSError
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
