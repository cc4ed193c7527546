"""Tars in WebDataset's layout: a picture, and its class as ``.cls`` or in ``.json``."""

import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schemas.image_files import IMAGE_SUFFIXES
from schemas.tar_samples import TarMember, TarSample, TarSamples
from trainer.evaluate.labelled.columns import LABEL_COLUMNS
from trainer.evaluate.labelled.labelled import Dataset, Labelled, class_numbers

_LABEL_SUFFIXES = (".cls", ".json")
_MAX_LABEL_BYTES = 1 << 16


def images_of_tars(dataset: Dataset, tars: Sequence[Path]) -> Labelled:
    """Return the pictures of tars, in order; samples without a picture or a label are passed over.

    Their headers are walked once, nothing is extracted. Raises ValueError that names a damaged tar.
    """
    names: list[str] = []
    labels: list[Any] = []
    members: list[tuple[Path, TarMember]] = []
    passed_over = 0
    for path in tars:
        try:
            with path.open("rb") as raw:
                for sample in TarSamples(raw, _LABEL_SUFFIXES, _MAX_LABEL_BYTES):
                    image, label = _image(sample), _label(sample)
                    if image is None or label is None:
                        passed_over += 1
                        continue
                    names.append(f"{path.name}/{sample.key}")
                    labels.append(label)
                    members.append((path, image))
        except (tarfile.TarError, EOFError) as error:
            raise ValueError(f"{dataset.option}: {path}: expected a whole tar, {error}") from error
    if not names:
        raise FileNotFoundError(
            f"{dataset.where} has no sample with a picture and a label ({passed_over} others); expected KEY.jpg "
            f"beside KEY.cls, or KEY.json with one of {', '.join(LABEL_COLUMNS)}"
        )
    numbers = class_numbers(labels, dataset)
    return Labelled(
        names, numbers, passed_over, lambda place: read_member(*members[place]), [member.size for _, member in members]
    )


def _image(sample: TarSample) -> TarMember | None:
    return next((member for member in sample.members if member.suffix in IMAGE_SUFFIXES), None)


def _label(sample: TarSample) -> Any:
    """Return what a sample says of its class; None where it says nothing that can be read."""
    try:
        if ".cls" in sample.texts:
            return sample.texts[".cls"].decode().strip() or None
        body = json.loads(sample.texts[".json"])
        return next((body[name] for name in LABEL_COLUMNS if isinstance(body.get(name), str | int)), None)
    except (KeyError, ValueError, AttributeError, RecursionError):
        return None


def read_member(path: Path, member: TarMember) -> bytes:
    """Return the bytes of a tar's member. Raises OSError."""
    with path.open("rb") as raw:
        raw.seek(member.offset)
        return raw.read(member.size)
