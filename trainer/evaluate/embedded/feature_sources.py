"""Which model features from files are of, and how wide they are: paths in, one line about what does not fit out.

Folders of ``trainer embed`` say it in their manifest. Parquet of others says how wide it is alone. Read are manifests
and schemas, so this comes before any work.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.feature_files import FEATURES_DIR, KIND, FeatureFiles
from schemas.run_record import MANIFEST_FILE, RUN_FILE
from schemas.storage import FileRecord, Folder
from trainer.evaluate.embedded.options import Layer

FEATURE_COLUMNS = ("image_features", "features")


@dataclass(frozen=True)
class FeatureSource:
    """Features of one path."""

    option: str
    path: str
    width: int | None
    """None where the files do not tell: that is an error when they are read."""
    model: str | None
    """Its fingerprint; None of files of others."""

    def __str__(self) -> str:
        width = "" if self.width is None else f" of {self.width} numbers"
        return f"features{width}" + ("" if self.model is None else f" by the model {self.model[:12]}")


def embed_folders(path: str, parts: Sequence[Path]) -> list[Path]:
    """Return the outputs of ``trainer embed``, finished or not, that `path` is, lies in or holds `parts` of."""
    roots = {Path(path), *(part.parent.parent for part in parts if part.parent.name == FEATURES_DIR)}
    return sorted(root for root in roots if _is_embeds(root))


def open_folders(path: str, option: str, parts: Sequence[Path]) -> list[FeatureFiles]:
    """Return the finished outputs of ``trainer embed`` among `embed_folders`.

    Raises ValueError that names `option` for an unfinished one, and one whose files are not as they were written.
    """
    try:
        found = [FeatureFiles(str(root)) for root in embed_folders(path, parts)]
        wanted = {part.resolve() for part in parts} if path.endswith(".parquet") else None
        for folder in found:
            for record in folder.files:
                if wanted is None or Path(folder.folder.path(record.name)).resolve() in wanted:
                    _check_size(folder.folder, record)
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(f"{option}: {error}") from error
    return found


def feature_source(path: str, option: str, parts: Sequence[Path]) -> FeatureSource:
    """Return what is known of the features of `path`. Raises as `open_folders` does, and for those of two models."""
    folders = [FeatureSource(option, x.folder.url, x.width, x.model) for x in open_folders(path, option, parts)]
    check_together(folders)
    if folders:
        return FeatureSource(option, path, folders[0].width, folders[0].model)
    return FeatureSource(option, path, next((_width(part) for part in parts), None), None)


def check_together(sources: Iterable[FeatureSource]) -> None:
    """Raise ValueError for features of two models, or of two widths."""
    first = FeatureSource("", "", None, None)
    of_model, of_width = first, first
    for source in sources:
        for other, differs in (
            (of_model, None not in (source.model, of_model.model) and source.model != of_model.model),
            (of_width, None not in (source.width, of_width.width) and source.width != of_width.width),
        ):
            if differs:
                raise ValueError(
                    f"{source.option}: {source.path} has {source}, {other.option}: {other.path} has {other}; "
                    "embed both with the same model"
                )
        of_model = source if of_model.model is None else of_model
        of_width = source if of_width.width is None else of_width


def check_model(sources: Iterable[FeatureSource], fingerprint: str) -> None:
    """Raise ValueError for features of another model than ``--checkpoint``."""
    for source in sources:
        if source.model not in (None, fingerprint):
            raise ValueError(
                f"{source.option}: {source.path} is of features of another model ({str(source.model)[:12]}..., "
                f"--checkpoint is {fingerprint[:12]}...): they cannot be compared; embed with this one"
            )


def check_layer(sources: Iterable[FeatureSource], width: int, layer: Layer) -> None:
    """Raise ValueError for features that cannot stand beside those of ``--checkpoint``, which are of `layer`."""
    for source in sources:
        if source.model is not None and layer == "before-projection":
            raise ValueError(
                f"{source.option}: {source.path} holds embeddings, as trainer embed makes them, images are taken "
                "before the projection; give --layer embedding"
            )
        if source.width not in (None, width):
            raise ValueError(
                f"{source.option}: {source.path} has {source}, --checkpoint makes {width} ({layer}); "
                "embed with this model"
            )


def _check_size(folder: Folder, record: FileRecord) -> None:
    try:
        size = folder.size(record.name)
    except FileNotFoundError:
        raise ValueError(f"{folder.path(record.name)} is gone; restore it, or embed again") from None
    folder.check_recorded(record, size)


def _is_embeds(root: Path) -> bool:
    return _said(root / MANIFEST_FILE, "kind") == KIND or _said(root / RUN_FILE, "command") == "trainer embed"


def _said(file: Path, name: str) -> object:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None  # not of this project, as folders of images may hold it
    return found.get(name) if isinstance(found, dict) else None


def _width(part: Path) -> int | None:
    try:
        schema = pq.read_schema(part)
    except (pa.ArrowException, OSError):
        return None
    for name in FEATURE_COLUMNS:
        if name in schema.names:
            kind = schema.field(name).type
            return kind.list_size if pa.types.is_fixed_size_list(kind) else None
    return None
