"""What samples there are: reads folders of shards into columns, one row per sample, by byte range.

In: folders made by ``pipeline download``, or plain WebDataset folders. Out: for each sample the tar, offset
and size of its image, and its captions. Tars are read as hostile: header by header, nothing extracted.
"""

import hashlib
import json
import logging
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.manifest import MANIFEST_FILE, manifest_sha256, read_manifest
from schemas.run_record import RUN_FILE
from schemas.sample import STATUS_SUCCESS
from schemas.storage import Folder
from schemas.tables import read_table

logger = logging.getLogger(__name__)

IMAGE_EXTENSIONS = ("jpg", "jpeg", "png", "webp")
MAX_IMAGE_BYTES = 64 * 2**20
MAX_TEXT_BYTES = 2**20
MAX_MEMBERS = 10_000_000
"""Of one tar: bounds the memory a hostile one can take."""


@dataclass(frozen=True)
class ShardIndex:
    """All samples in the order (folder, shard, position in the tar)."""

    folders: list[Folder]
    tars: list[tuple[int, str]]
    """(number of the folder, name of the tar in it)."""
    tar_of: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    captions: pa.Array
    """list<string> per sample, at least one each."""
    keys: pa.Array
    skipped: int
    """Samples in the tars without a usable image or caption."""

    def __len__(self) -> int:
        return len(self.tar_of)


@dataclass(frozen=True)
class _Member:
    key: str
    extension: str
    offset: int
    size: int


def _members(tar: IO[bytes], where: str) -> Iterator[_Member]:
    """Yield the regular files of a tar; of one cut off what is whole, with a warning.

    Raises ValueError naming `where` when it is no tar at all.
    """
    number = -1
    try:
        with tarfile.open(fileobj=tar, mode="r:") as archive:
            for number, member in enumerate(archive):
                if number >= MAX_MEMBERS:
                    raise ValueError(f"{where}: more than {MAX_MEMBERS} members")
                archive.members = []  # type: ignore[attr-defined]  # tarfile would keep every header
                if not member.isreg() or member.issparse():
                    continue
                directory, _, base = member.name.rpartition("/")
                stem, _, extension = base.partition(".")  # webdataset cuts at the first dot
                yield _Member(f"{directory}/{stem}", extension.lower(), member.offset_data, member.size)
    except tarfile.TarError as error:
        if number >= 0:
            logger.warning(
                "%s is cut off or damaged after %d members (%s); the rest is left out", where, number + 1, error
            )
            return
        raise ValueError(f"{where}: expected a tar file, {error}") from error


def _samples(tar: IO[bytes], where: str) -> Iterator[dict[str, _Member]]:
    """Yield members grouped by key; as in WebDataset the files of one sample lie side by side."""
    group: dict[str, _Member] = {}
    key = ""
    for member in _members(tar, where):
        if member.key != key and group:
            yield group
            group = {}
        key = member.key
        group[member.extension] = member
    if group:
        yield group


def _read_text(tar: IO[bytes], member: _Member) -> bytes:
    position = tar.tell()
    tar.seek(member.offset)
    data = tar.read(min(member.size, MAX_TEXT_BYTES))
    tar.seek(position)
    return data


def _captions_in_tar(tar: IO[bytes], group: dict[str, _Member]) -> list[str]:
    """Return the captions of one sample: ``captions`` or ``caption`` of its json, else its txt."""
    if "json" in group:
        try:
            body: Any = json.loads(_read_text(tar, group["json"]))
        except (ValueError, RecursionError):
            body = {}
        found = body.get("captions", [body.get("caption")]) if isinstance(body, dict) else []
        texts = [
            entry.get("caption") if isinstance(entry, dict) else entry
            for entry in (found if isinstance(found, list) else [found])
        ]
        captions = [text for text in texts if isinstance(text, str) and text.strip()]
        if captions:
            return captions
    if "txt" in group:
        text = _read_text(tar, group["txt"]).decode("utf-8", "replace").strip()
        return [text] if text else []
    return []


def _captions_beside(folder: Folder, name: str) -> dict[str, list[str]]:
    """Return the captions by key from the Parquet file beside a tar, empty when there is none of ours."""
    sidecar = name.removesuffix(".tar") + ".parquet"
    if not folder.exists(sidecar):
        return {}
    table = read_table(folder, sidecar)
    if not {"key", "status", "captions"} <= set(table.column_names):
        return {}
    table = table.select(["key", "status", "captions"])
    rows = zip(*(table.column(name).to_pylist() for name in ("key", "status", "captions")), strict=True)
    return {str(key): captions for key, status, captions in rows if status == STATUS_SUCCESS and captions}


def open_folders(paths: tuple[str, ...]) -> list[tuple[Folder, list[str]]]:
    """Return each folder with the names of its tars; cheap, the launcher calls it too.

    Raises FileNotFoundError or ValueError for a folder that is absent, unfinished, not of shards, or without tars.
    """
    opened = []
    for path in paths:
        folder = Folder(path)
        if not folder.exists():
            raise FileNotFoundError(f"--shards: no such folder {folder.url!r}; expected one made by pipeline download")
        if folder.exists(RUN_FILE):
            read_manifest(folder, "shards")
        names = folder.names(suffix=".tar")
        if not names:
            raise FileNotFoundError(f"--shards: {folder.url} holds no .tar file; expected WebDataset shards")
        opened.append((folder, names))
    return opened


def read_shards(paths: tuple[str, ...]) -> ShardIndex:
    """Index every tar of the folders. Raises FileNotFoundError or ValueError that says which and what to do."""
    folders: list[Folder] = []
    tars: list[tuple[int, str]] = []
    columns: dict[str, list[Any]] = {"tar_of": [], "offset": [], "size": [], "captions": [], "key": []}
    skipped = 0
    for folder, names in open_folders(paths):
        folders.append(folder)
        for name in names:
            beside = _captions_beside(folder, name)
            with folder.open(name) as tar:
                for group in _samples(tar, folder.path(name)):
                    image = next((group[extension] for extension in IMAGE_EXTENSIONS if extension in group), None)
                    if image is None or not 0 < image.size <= MAX_IMAGE_BYTES:
                        skipped += 1
                        continue
                    captions = beside.get(image.key.rpartition("/")[2]) or _captions_in_tar(tar, group)
                    if not captions:
                        skipped += 1
                        continue
                    columns["tar_of"].append(len(tars))
                    columns["offset"].append(image.offset)
                    columns["size"].append(image.size)
                    columns["captions"].append(captions)
                    columns["key"].append(image.key.rpartition("/")[2])
            tars.append((len(folders) - 1, name))
    if not columns["key"]:
        raise ValueError(f"--shards: no sample with an image and a caption in {', '.join(f.url for f in folders)}")
    return ShardIndex(
        folders=folders,
        tars=tars,
        tar_of=np.array(columns["tar_of"], dtype=np.int32),
        offsets=np.array(columns["offset"], dtype=np.int64),
        sizes=np.array(columns["size"], dtype=np.int64),
        captions=pa.array(columns["captions"], pa.list_(pa.string())),
        keys=pa.array(columns["key"], pa.string()),
        skipped=skipped,
    )


def describe_inputs(paths: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return what identifies the shard folders in ``run.json``: the manifest's hash, else names and sizes."""
    described: list[dict[str, Any]] = []
    for number, (folder, names) in enumerate(open_folders(paths)):
        if folder.exists(MANIFEST_FILE):
            described.append({"name": f"shards-{number}", "manifest_sha256": manifest_sha256(folder)})
            continue
        listing = [[name, folder.size(name)] for name in names]
        digest = hashlib.sha256(json.dumps(listing).encode()).hexdigest()
        described.append({"name": f"shards-{number}", "listing_sha256": digest})
    return described
