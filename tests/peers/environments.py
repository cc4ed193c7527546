"""The environments of other people's readers: what each holds, where it lies, and how `make peers` makes it.

    .venv-peers/tables      pandas 3, DuckDB, Polars, datasets, webdataset 1.0.2
    .venv-peers/open_clip   open_clip with webdataset 0.2.86
    .venv-peers/energon     Megatron Energon
    .venv-peers/dali        NVIDIA DALI
    .venv-peers/training    open_clip with torch 2.14, litdata, MosaicML streaming, webdataset 1.0.2, and what
                            `trainer.data` needs: numba, pyarrow, fsspec, pillow, numpy
    .venv-peers/transformers  transformers 4.57, beside the 5.x of `.venv`

Each is pinned whole by ``NAME.txt`` beside this file. Those that share torch take it, and what it needs, from `.venv`:
their own packages come first. Run as a program this makes those that are not there or not of their list.
"""

import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = REPOSITORY / ".venv-peers"


@dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    name: str
    shares_torch: bool = False

    @property
    def python(self) -> Path:
        return HERE / self.name / "bin" / "python"

    @property
    def pins(self) -> Path:
        return Path(__file__).with_name(f"{self.name}.txt")

    @property
    def made_of(self) -> Path:
        """A copy of the pins, written last."""
        return HERE / self.name / "pins.txt"

    def is_made(self) -> bool:
        return self.made_of.is_file() and self.made_of.read_text() == self.pins.read_text()

    def make(self) -> None:
        """Make it anew. Raises CalledProcessError."""
        shutil.rmtree(HERE / self.name, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(HERE / self.name)], check=True)
        pip = [str(self.python), "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "on"]
        subprocess.run([*pip, "--no-deps", "--requirement", str(self.pins)], check=True)
        if self.shares_torch:
            (site,) = (HERE / self.name / "lib").glob("python3.*/site-packages")
            (site / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
        self.made_of.write_text(self.pins.read_text())


ENVIRONMENTS = {
    each.name: each
    for each in (
        Environment("tables"),
        Environment("open_clip", shares_torch=True),
        Environment("energon", shares_torch=True),
        Environment("dali"),
        Environment("training"),
        Environment("transformers", shares_torch=True),
    )
}


def main() -> None:
    """Make what is missing, one after the other; end with exit code 1 when one could not be made."""
    failed = []
    for number, each in enumerate(ENVIRONMENTS.values(), 1):
        state = "is there" if each.is_made() else "is being made"
        print(f"[{number}/{len(ENVIRONMENTS)}] {each.python.parent.parent} {state}", flush=True)
        if each.is_made():
            continue
        try:
            each.make()
        except subprocess.CalledProcessError as error:
            failed.append(each.name)
            print(f"not made: {error}", file=sys.stderr)
    if failed:
        sys.exit(f"not made: {', '.join(failed)}; their tests are skipped")


if __name__ == "__main__":
    main()
