"""Opening the shards of a run: which folders, their indexes, their mixture, what identifies them.

In: the paths of ``--shards`` and how they are mixed. Out: a `DataSet`. The first worker finds or makes the indexes and
keeps them in the run's folder, where the others, and a resumed run, read them.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas.manifest import MANIFEST_FILE, manifest_sha256, read_manifest
from schemas.removals import read_removals
from schemas.run_record import RUN_FILE
from schemas.shard_index import check_fits
from schemas.shards_folder import TAR_SUFFIX
from schemas.storage import Folder
from schemas.stored_index import ShardIndex, read_index, write_index
from schemas.tar_listing import tars_of_index
from trainer.data.balance.balanced import Balanced
from trainer.data.data_set import DataSet, mix_sources
from trainer.data.find_index import find_index
from trainer.data.read.captions import CaptionRule
from trainer.data.shard_source import join_indexes
from trainer.telling.reporter import Reporter

logger = logging.getLogger(__name__)

INDEX_DIR = "shard_index"
"""In the run's folder: ``0.parquet`` for the first folder of shards, and so on."""


@dataclass(frozen=True)
class ShardFolder:
    """A folder of shards, and the bytes of its tars by name."""

    folder: Folder
    sizes: dict[str, int]
    made_in: Folder | None = None
    """Where `pipeline index --output` wrote the index, when that folder was named."""


def open_folders(paths: Sequence[str], option: str = "--shards") -> list[ShardFolder]:
    """Return each folder with its tars; one listing a folder, the launcher calls it too.

    A folder that `pipeline index --output` wrote stands for the tars of which it is the index.

    Raises FileNotFoundError or ValueError, which name `option`, for a folder that is absent, unfinished, not of
    shards, or without tars.
    """
    opened = []
    for path in paths:
        folder = Folder(path)
        if not folder.exists():
            raise FileNotFoundError(f"{option}: no such folder {folder.url!r}; expected one made by pipeline download")
        tars, made_in = tars_of_index(folder), None
        if tars is not None:
            folder, made_in = tars, folder
            if not folder.exists():
                raise FileNotFoundError(f"{option}: {made_in.url} is an index of {folder.url}, which is not there")
        elif folder.exists(RUN_FILE):
            check_format(folder, read_manifest(folder, "shards"), option)
        sizes = folder.sizes(TAR_SUFFIX)
        if not sizes:
            raise FileNotFoundError(f"{option}: {folder.url} holds no .tar file; expected WebDataset shards")
        opened.append(ShardFolder(folder, sizes, made_in))
    return opened


def check_format(folder: Folder, manifest: dict[str, Any], option: str) -> None:
    """Raise ValueError when the images of a folder of ours are in no tars."""
    found = manifest["summary"].get("output_format", "webdataset")
    if found != "webdataset":
        raise ValueError(
            f"{option}: {folder.url} was made with --output-format {found}; expected WebDataset shards: run pipeline "
            "download again, into another folder, with --output-format webdataset"
        )


def describe_inputs(folders: Sequence[ShardFolder]) -> list[dict[str, Any]]:
    """Return what identifies the shard folders in ``run.json``: the manifest's hash, else names and sizes."""
    described: list[dict[str, Any]] = []
    for number, opened in enumerate(folders):
        if opened.folder.exists(MANIFEST_FILE):
            described.append({"name": f"shards-{number}", "manifest_sha256": manifest_sha256(opened.folder)})
            continue
        digest = hashlib.sha256(json.dumps([list(item) for item in opened.sizes.items()]).encode()).hexdigest()
        described.append({"name": f"shards-{number}", "listing_sha256": digest})
    return described


def prepare_indexes(
    folders: Sequence[ShardFolder], run: Folder, threads: int, reporter: Reporter | None = None
) -> None:
    """Find or make the index of each folder, and keep it in the run's folder, if it is not there, whole, yet."""
    for number, opened in enumerate(folders):
        name = f"{INDEX_DIR}/{number}.parquet"
        if not _is_kept(run, name):
            index = find_index(opened.folder, opened.sizes, threads, reporter, opened.made_in)
            write_index(run, name, index.groups())


def _is_kept(run: Folder, name: str) -> bool:
    try:
        return run.exists(name) and read_index(run, name) is not None
    except ValueError as error:
        logger.warning("%s; the index is made again", str(error).rstrip("."))
        return False


def read_indexes(folders: Sequence[ShardFolder], run: Folder) -> list[ShardIndex]:
    """Return what `prepare_indexes` kept. Raises ValueError that names a tar which is another since."""
    indexes = []
    for number, opened in enumerate(folders):
        name = f"{INDEX_DIR}/{number}.parquet"
        index = read_index(run, name)
        check_fits(index.rows, opened.sizes.items(), run.path(name))
        indexes.append(index)
    return indexes


def open_data(
    folders: Sequence[ShardFolder],
    indexes: Sequence[ShardIndex],
    *,
    seed: int,
    weights: Sequence[float] = (),
    rules: Sequence[CaptionRule] = (),
    pool: int,
    balanced: Balanced | None = None,
) -> DataSet:
    """Return the data set: without weights and with one rule for all, the folders are one source.

    With `balanced` samples are drawn for each epoch, without it each has all. What a folder's ``removals.parquet``
    names is not used. Raises ValueError for a source without samples, for weights or rules that are not one a folder,
    and for removals that cannot be read.
    """
    if len(rules) not in (0, 1, len(folders)):
        raise ValueError(f"captions must be one for all or one for each of {len(folders)} folders, found {len(rules)}")
    removals = [read_removals(opened.folder) for opened in folders]
    if not weights and len(rules) <= 1:
        sources = [join_indexes([opened.folder for opened in folders], list(indexes), removals)]
    else:
        sources = [
            join_indexes([opened.folder], [index], [removed])
            for opened, index, removed in zip(folders, indexes, removals, strict=True)
        ]
    drawn = balanced.draw(sources, seed) if balanced is not None else ()
    own_rules = list(rules) * len(sources) if len(rules) == 1 else rules
    return mix_sources(sources, seed=seed, weights=weights, rules=own_rules, pool=pool, drawn=drawn)
