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

from schemas.arrow_types import list_array
from schemas.further_captions import further_captions_by_key
from schemas.image_files import IMAGE_SUFFIXES
from schemas.manifest import MANIFEST_FILE, manifest_sha256, read_manifest, read_records
from schemas.run_record import RUN_FILE
from schemas.sample import CAPTION_KEYS, LISTED_CAPTIONS, STATUS_SUCCESS
from schemas.storage import FileRecord, Folder
from schemas.tables import read_table
from schemas.tables_dir import FILES_NAME, find_table
from schemas.tar_samples import TarMember, TarSample, TarSamples
from schemas.text_lines import without_mark
from trainer.data.left_out import LeftOut

logger = logging.getLogger(__name__)

MAX_IMAGE_BYTES = 64 * 2**20
MAX_TEXT_BYTES = 2**20
MARK = "\ufeff"
"""A byte order mark that was read as a character."""
MAX_MEMBERS = 10_000_000
"""Of one tar: bounds the memory a hostile one can take."""
WITHOUT_IMAGE = "further captions of images that are in no folder of --shards; name those of all rounds"


@dataclass(frozen=True)
class ShardIndex:
    """All samples in the order (folder, shard, position in the tar)."""

    folders: list[Folder]
    tars: list[tuple[int, str]]
    """(number of the folder, name of the tar in it)."""
    tar_of: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    captions: pa.ListArray
    """list<string> per sample, at least one each."""
    keys: pa.Array
    skipped: int
    """Samples in the tars without a usable image or caption."""
    passed_over: int
    """Side files among the tars and their members, links, members without a suffix."""

    def __len__(self) -> int:
        return len(self.tar_of)


def _samples(tar: IO[bytes], where: str, left_out: LeftOut) -> Iterator[TarSample]:
    """Yield the samples of a tar; of one cut off or damaged those before the damage, with a warning.

    Raises ValueError naming `where` when it is no tar at all.
    """
    samples = TarSamples(tar)
    error = ""
    try:
        for sample in samples:
            if samples.num_members > MAX_MEMBERS:
                raise ValueError(f"{where}: more than {MAX_MEMBERS} members")
            yield sample
    except tarfile.TarError as failure:
        if not samples.num_members:
            raise ValueError(f"{where}: expected a tar file, {failure}") from failure
        error = f" ({failure})"
    if not samples.is_whole:
        logger.warning(
            "%s is cut off or damaged after %d members%s; the rest is left out", where, samples.num_members, error
        )
    left_out.passed_over.update(samples.passed_over)


def _read_text(tar: IO[bytes], member: TarMember) -> bytes:
    tar.seek(member.offset)  # whoever reads the tar's headers finds its place by itself
    return tar.read(min(member.size, MAX_TEXT_BYTES))


def _captions_in_tar(tar: IO[bytes], group: dict[str, TarMember]) -> list[str]:
    """Return the captions of one sample: those of its json, else its txt. What collect takes of them is taken here."""
    if ".json" in group:
        try:
            body: Any = json.loads(_read_text(tar, group[".json"]))
        except (ValueError, RecursionError):
            body = {}
        texts = [_text_of(item) for item in _listed(body)]
        captions = [text.removeprefix(MARK) for text in texts if isinstance(text, str)]
        captions = [text for text in captions if text.strip()]
        if captions:
            return captions
    if ".txt" in group:
        text = without_mark(_read_text(tar, group[".txt"])).decode("utf-8", "replace").strip()
        return [text] if text else []
    return []


def _listed(body: Any) -> list[Any]:
    """Return what stands in a sample's json in place of captions."""
    if isinstance(body, dict):
        listed = body.get(LISTED_CAPTIONS)
        if not isinstance(listed, list | str) or not listed:
            listed = next((body[key] for key in CAPTION_KEYS if body.get(key) not in (None, "", [])), [])
        body = listed
    return body if isinstance(body, list) else [body]


def _text_of(item: Any) -> Any:
    if isinstance(item, dict):  # as annotations are listed: [{"caption": "a cat"}, ...]
        return next((item[key] for key in CAPTION_KEYS if isinstance(item.get(key), str)), None)
    return item


def _image_and_captions(
    tar: IO[bytes], sample: TarSample, beside: dict[str, list[str]]
) -> tuple[TarMember, list[str]] | str:
    """Return the image of a sample and its captions, or the reason why it is left out."""
    if sample.key.encode("utf-8", "ignore").decode() != sample.key:
        return "name_not_utf8"
    group = {member.suffix: member for member in sample.members}
    image = next((group[suffix] for suffix in IMAGE_SUFFIXES if suffix in group), None)
    if image is None:
        return "image_missing"
    if not 0 < image.size <= MAX_IMAGE_BYTES:
        return "image_size"
    captions = beside.get(sample.key.rpartition("/")[2]) or _captions_in_tar(tar, group)
    return (image, captions) if captions else "caption_missing"


def _captions_beside(folder: Folder, name: str, records: dict[str, FileRecord]) -> dict[str, list[str]]:
    """Return the captions by key from the Parquet file beside a tar, empty when there is none of ours.

    Raises ValueError that names it when its folder notes it otherwise in `records`.
    """
    sidecar = name.removesuffix(".tar") + ".parquet"
    if not folder.exists(sidecar):
        return {}
    table = read_table(folder, sidecar, record=records.get(sidecar))
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
    left_out = LeftOut()
    opened = open_folders(paths)
    further = further_captions_by_key(folder for folder, _ in opened)
    for folder, names in opened:
        folders.append(folder)
        noted = folder.exists(MANIFEST_FILE) and folder.exists(find_table(folder, FILES_NAME))
        records = read_records(folder) if noted else {}
        left_out.count_side_files(folder.names(suffix=".tar", side_files=True))
        for name in names:
            beside = _captions_beside(folder, name, records)
            with folder.open(name) as tar:
                for sample in _samples(tar, folder.path(name), left_out):
                    found = _image_and_captions(tar, sample, beside)
                    if isinstance(found, str):
                        left_out.add(found, name, sample)
                        continue
                    image, captions = found
                    columns["tar_of"].append(len(tars))
                    columns["offset"].append(image.offset)
                    columns["size"].append(image.size)
                    key = sample.key.rpartition("/")[2]
                    columns["captions"].append(captions + further.pop(key, []))
                    columns["key"].append(key)
            tars.append((len(folders) - 1, name))
    left_out.passed_over[WITHOUT_IMAGE] = sum(map(len, further.values()))
    told = left_out.text()
    if not columns["key"]:
        where = ", ".join(f.url for f in folders)
        raise ValueError(f"--shards: no sample with an image and a caption in {where}{f': {told}' if told else ''}")
    if told:
        logger.warning("--shards: %s", told)
    return ShardIndex(
        folders=folders,
        tars=tars,
        tar_of=np.array(columns["tar_of"], dtype=np.int32),
        offsets=np.array(columns["offset"], dtype=np.int64),
        sizes=np.array(columns["size"], dtype=np.int64),
        captions=list_array(pa.array(columns["captions"], pa.list_(pa.string()))),
        keys=pa.array(columns["key"], pa.string()),
        skipped=left_out.num_samples,
        passed_over=left_out.num_passed_over,
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
