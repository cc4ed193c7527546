"""Tars in WebDataset's layout, ours or others': a picture, and its captions in ``.json`` or ``.txt``."""

import tarfile
from collections.abc import Sequence
from pathlib import Path

from schemas.image_files import IMAGE_SUFFIXES
from schemas.tar_samples import TarMember, TarSamples
from trainer.data.read.captions import captions_of
from trainer.evaluate.captioned.captioned import Captioned
from trainer.evaluate.labelled.tar_samples import read_member

_TEXT_SUFFIXES = (".json", ".txt")
_MAX_TEXT_BYTES = 1 << 20


def captions_of_tars(tars: Sequence[Path], where: str) -> Captioned:
    """Return the pictures of tars with all their captions; headers are walked once, nothing is extracted.

    Raises ValueError that names a damaged tar, FileNotFoundError where no sample has both.
    """
    names: list[str] = []
    captions: list[list[str]] = []
    members: list[tuple[Path, TarMember]] = []
    passed_over = 0
    for path in tars:
        try:
            with path.open("rb") as raw:
                for sample in TarSamples(raw, _TEXT_SUFFIXES, _MAX_TEXT_BYTES):
                    image = next((one for one in sample.members if one.suffix in IMAGE_SUFFIXES), None)
                    texts = captions_of(sample.texts.get(".json"), sample.texts.get(".txt"))
                    if image is None or not texts:
                        passed_over += 1
                        continue
                    names.append(f"{path.name}/{sample.key}")
                    captions.append(texts)
                    members.append((path, image))
        except (tarfile.TarError, EOFError) as error:
            raise ValueError(f"{where}: {path.name}: expected a whole tar, {error}") from error
    if not names:
        raise FileNotFoundError(f"{where} has no sample with a picture and a caption ({passed_over} others)")
    sizes = [member.size for _, member in members]
    return Captioned(names, captions, passed_over, lambda place: read_member(*members[place]), sizes)
