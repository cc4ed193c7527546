"""Pictures in tars of WebDataset's layout, each with what its sample tells of it: a class, captions."""

import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from schemas.image_files import IMAGE_SUFFIXES
from schemas.tar_samples import TarMember, TarSample, TarSamples

Told = TypeVar("Told")


@dataclass
class TarPictures(Generic[Told]):
    """The pictures of all tars, in order."""

    names: list[str] = field(default_factory=list)
    """TAR/KEY."""
    told: list[Told] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    """Bytes."""
    passed_over: int = 0
    """Samples without a picture, or that tell nothing."""
    _places: list[tuple[Path, int]] = field(default_factory=list)

    def read(self, place: int) -> bytes:
        """Return the bytes of the picture at `place`; from any thread. Raises OSError."""
        path, offset = self._places[place]
        with path.open("rb") as raw:
            raw.seek(offset)
            return raw.read(self.sizes[place])

    def add(self, path: Path, key: str, image: TarMember, told: Told) -> None:
        """Add a picture."""
        self.names.append(f"{path.name}/{key}")
        self.told.append(told)
        self.sizes.append(image.size)
        self._places.append((path, image.offset))


def pictures_of_tars(
    tars: Sequence[Path],
    suffixes: Sequence[str],
    max_bytes: int,
    told: Callable[[TarSample], Told | None],
    naming: Callable[[Path], str],
) -> TarPictures[Told]:
    """Return the pictures whose samples tell something by members of these `suffixes`, of at most `max_bytes`.

    Headers are walked once, nothing is extracted. Raises ValueError for a damaged tar, `naming` it.
    """
    found = TarPictures[Told]()
    for path in tars:
        try:
            with path.open("rb") as raw:
                for sample in TarSamples(raw, tuple(suffixes), max_bytes):
                    image = next((member for member in sample.members if member.suffix in IMAGE_SUFFIXES), None)
                    of_image = told(sample)
                    if image is None or of_image is None:
                        found.passed_over += 1
                    else:
                        found.add(path, sample.key, image, of_image)
        except (tarfile.TarError, EOFError) as error:
            raise ValueError(f"{naming(path)}: expected a whole tar, {error}") from error
    return found
