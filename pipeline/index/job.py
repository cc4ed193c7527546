"""`pipeline index`: for each folder the graph, what is left to do, and the index beside the tars."""

import functools
import time
from collections.abc import Mapping, Sequence

from pipeline.index.config import IndexConfig
from pipeline.index.finish import finish_index, made_units
from pipeline.index.graph import index_graph
from pipeline.index.steps import REFUSED, UNIT_SUFFIX, UNITS, unit_name
from pipeline.index.summary import IndexReport
from pipeline.runners.local.fork_server import prepare_workers
from pipeline.runners.progress import UnitProgress
from pipeline.runners.runner import run_pipeline
from schemas.checked import first_line
from schemas.manifest import read_manifest, recorded
from schemas.run_record import RUN_FILE, RunRecord, start_run
from schemas.shard_index import INDEX_NAME, check_fits
from schemas.shards_folder import TAR_SUFFIX
from schemas.storage import Folder
from schemas.stored_index import ShardIndex, read_index
from schemas.tar_index import TarToIndex, tars_to_index
from schemas.tar_listing import INDEX_KIND, TARS_PATH, check_listing, index_beside, index_name
from schemas.units import finished_units

ALGORITHM_VERSION = "2"

WORK_DIR = "shard_index.work"
"""Beside the tars, while their index is made."""


def run_index(config: IndexConfig, beam_args: Sequence[str] = ()) -> list[IndexReport]:
    """Index each folder of `config.shards`; return what was found.

    Raises FileNotFoundError or ValueError for a folder that is absent, without tars or unfinished, and what
    `schemas.tar_index.tar_row` raises, with the tar's name.
    """
    prepare_workers(beam_args)
    folders = [(folder, _tars(folder)) for folder in map(Folder, config.shards)]
    return [_index_folder(folder, sizes, config.output, beam_args) for folder, sizes in folders]


def _tars(folder: Folder) -> dict[str, int]:
    if not folder.exists():
        raise FileNotFoundError(f"{folder.url}: no such folder; expected one of WebDataset tars")
    if folder.exists(RUN_FILE):
        read_manifest(folder, "shards")
    sizes = folder.sizes(TAR_SUFFIX)
    if not sizes:
        raise FileNotFoundError(f"{folder.url}: no .tar file; expected a folder of WebDataset tars")
    return sizes


def _index_folder(folder: Folder, sizes: Mapping[str, int], output: str, beam_args: Sequence[str]) -> IndexReport:
    start = time.monotonic()
    check_listing(folder, sizes)
    if output:
        index, is_new = _in_folder_of_its_own(folder, sizes, Folder(output), beam_args)
    else:
        index, is_new = _beside(folder, sizes, beam_args)
    return IndexReport(index, folder.url, time.monotonic() - start if is_new else None)


def _beside(folder: Folder, sizes: Mapping[str, int], beam_args: Sequence[str]) -> tuple[ShardIndex, bool]:
    name = index_beside(folder)
    if name:
        index = read_index(folder, name)
        check_fits(index.rows, sizes.items(), index.where, "delete it and run the command again")
        return index, False
    work = folder.sub(WORK_DIR)
    record = _record(folder)
    try:
        start_run(work, record)
    except ValueError:
        raise
    except Exception as error:  # each file system has its own kinds; what they mean is in the message
        raise ValueError(
            f"{folder.url} cannot be written to ({first_line(error)}): choose a folder for the index, --output"
        ) from None
    return _make(folder, sizes, work, folder, index_name(folder), record.identity, beam_args), True


def _in_folder_of_its_own(
    folder: Folder, sizes: Mapping[str, int], output: Folder, beam_args: Sequence[str]
) -> tuple[ShardIndex, bool]:
    record = _record(folder)
    if not start_run(output, record):
        read_manifest(output, INDEX_KIND)
        return read_index(output, INDEX_NAME, recorded(output, INDEX_NAME)), False
    return _make(folder, sizes, output, output, INDEX_NAME, record.identity, beam_args), True


def _record(folder: Folder) -> RunRecord:
    return RunRecord(
        command="pipeline index",
        config={},
        inputs=[{"name": folder.url}],  # not its listing: a tar that was mended is indexed again, others are not
        algorithm=ALGORITHM_VERSION,
        paths={TARS_PATH: folder.url},
    )


def _make(
    folder: Folder, sizes: Mapping[str, int], work: Folder, place: Folder, name: str, identity: str,
    beam_args: Sequence[str],
) -> ShardIndex:  # fmt: skip
    tars = tars_to_index(folder, sizes)
    left = _left(work, tars)
    if left:
        build = functools.partial(index_graph, tars=left, work=work.url)
        with UnitProgress(work, UNITS, UNIT_SUFFIX, len(tars), "index"):
            run_pipeline(build, beam_args)
    return finish_index(work, place, name, tars, identity)


def _left(work: Folder, tars: Sequence[TarToIndex]) -> list[TarToIndex]:
    """Return the tars that are not done, and have those which were refused looked at again."""
    there = set(finished_units(work, UNITS, UNIT_SUFFIX))
    begun = [tar for tar in tars if unit_name(tar.name) in there]
    left = [tar for tar in tars if unit_name(tar.name) not in there]
    for tar, unit in zip(begun, made_units(work, begun), strict=True):
        if unit is None or REFUSED in unit.body:
            work.delete(unit_name(tar.name))
            left.append(tar)
    return left
