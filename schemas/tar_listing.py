"""The tars of a folder by its listing: is each a shard of it, where is their index, what tells that they changed.

In: a folder of ours or of others. Out: names, records, or a ValueError that names the file which does not belong.
"""

from collections.abc import Mapping

from schemas.manifest import MANIFEST_FILE, read_files, read_manifest
from schemas.run_record import RUN_FILE, read_run
from schemas.shard_index import INDEX_NAME
from schemas.shards_folder import TAR_SUFFIX
from schemas.storage import UNKNOWN_SIZE, FileRecord, Folder
from schemas.tables_dir import tables_path

INDEX_KIND = "index"
"""Of a folder that `pipeline index --output` wrote: the index of tars that lie elsewhere."""

TARS_PATH = "shards"
"""Of the paths of its ``run.json``: where they lie."""


def is_ours(folder: Folder) -> bool:
    """Tell whether a folder of tars is one that `pipeline download` finished."""
    return folder.exists(RUN_FILE) and folder.exists(MANIFEST_FILE)


def index_name(folder: Folder) -> str:
    """Return where the index of `folder` lies or belongs: no other ``*.parquet`` stands among our tables."""
    return tables_path(INDEX_NAME) if is_ours(folder) else INDEX_NAME


def index_beside(folder: Folder) -> str:
    """Return the name of the index of `folder`, empty where it has none."""
    names = (tables_path(INDEX_NAME), INDEX_NAME) if is_ours(folder) else (INDEX_NAME,)
    return next((name for name in names if folder.exists(name)), "")


def tars_of_index(folder: Folder) -> Folder | None:
    """Return the folder of the tars whose index is all that `folder` holds, None for another kind of folder."""
    if not folder.exists(RUN_FILE) or not folder.exists(MANIFEST_FILE):
        return None
    if folder.read_json(MANIFEST_FILE).get("kind") != INDEX_KIND:
        return None
    read_manifest(folder, INDEX_KIND)
    run = read_run(folder)
    path = run.get("paths", {}).get(TARS_PATH)
    if not isinstance(path, str):
        raise ValueError(f"{run.where}: expected paths to name the folder of the tars; make the index again")
    return Folder(path)


def check_listing(folder: Folder, sizes: Mapping[str, int]) -> dict[str, FileRecord]:
    """Return what a folder of ours notes of its tars and index, nothing for a folder of others.

    Raises ValueError that names a tar which is not among its files, has another size, or is gone.
    """
    if not is_ours(folder):
        return {}
    records = {record.name: record for record in read_files(folder, (TAR_SUFFIX, INDEX_NAME))}
    for name, size in sizes.items():
        record = records.get(name)
        if record is None:
            raise ValueError(
                f"{folder.path(name)}: no shard of this folder, whose list of files does not have it: shards of two "
                "kinds are mixed; put others into a folder of their own"
            )
        if size != UNKNOWN_SIZE:
            folder.check_recorded(record, size)
    gone = next((name for name in records if name.endswith(TAR_SUFFIX) and name not in sizes), None)
    if gone is not None:
        raise ValueError(f"{folder.path(gone)}: gone; the folder's list of files has it, restore it")
    return records


_MARKS = ("mtime", "LastModified", "ETag", "etag", "generation", "md5Hash")


def file_marks(folder: Folder, suffixes: tuple[str, ...] = (TAR_SUFFIX,)) -> dict[str, str]:
    """Return for each file with one of `suffixes` what is another when it was written again, also with its size."""
    return {
        entry["name"].rsplit("/", 1)[-1]: " ".join(str(entry[mark]) for mark in ("size", *_MARKS) if mark in entry)
        for entry in folder.fs.ls(folder.root, detail=True)
        if entry["name"].endswith(suffixes)
    }
