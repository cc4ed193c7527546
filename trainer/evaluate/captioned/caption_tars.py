"""Tars in WebDataset's layout, ours or others': a picture, and its captions in ``.json`` or ``.txt``."""

from collections.abc import Sequence
from pathlib import Path

from schemas.tar_samples import TarSample
from trainer.data.read.captions import captions_of
from trainer.evaluate.captioned.captioned import Captioned
from trainer.evaluate.tar_pictures import pictures_of_tars

_TEXT_SUFFIXES = (".json", ".txt")
_MAX_TEXT_BYTES = 1 << 20


def captions_of_tars(tars: Sequence[Path], where: str) -> Captioned:
    """Return the pictures of tars with all their captions.

    Raises ValueError that names a damaged tar, FileNotFoundError where no sample has both.
    """
    found = pictures_of_tars(tars, _TEXT_SUFFIXES, _MAX_TEXT_BYTES, _captions, lambda path: f"{where}: {path.name}")
    if not found.names:
        raise FileNotFoundError(f"{where} has no sample with a picture and a caption ({found.passed_over} others)")
    return Captioned(found.names, found.told, found.passed_over, found.read, found.sizes)


def _captions(sample: TarSample) -> list[str] | None:
    return captions_of(sample.texts.get(".json"), sample.texts.get(".txt")) or None
