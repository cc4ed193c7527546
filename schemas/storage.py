"""A folder on any fsspec filesystem, written so that a crash leaves nothing half-written that looks whole.

Names inside a folder are relative and ``/`` separated. Files appear whole or not at all: a rename of a
temporary file locally, the end of the upload on an object store.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any, cast

import fsspec

from schemas.json_object import JsonObject, parse_object
from schemas.output_lock import OutputLock
from schemas.side_files import is_side_file
from schemas.stream_digest import sha256_of
from schemas.write_failures import raise_named

TEMPORARY_MARK = ".tmp-"
"""Part of the name of every temporary file; such files are never read and may be deleted."""


@dataclass(frozen=True)
class FileRecord:
    """What is known of a file written: the row of it in ``tables/files.parquet``."""

    name: str
    rows: int
    bytes: int
    sha256: str


class HashingFile:
    """A binary file open for writing that keeps the count and the SHA-256 of what passes through."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._hash = hashlib.sha256()
        self.bytes = 0
        self.closed = False

    def write(self, data: Any) -> int:
        self._hash.update(data)
        self._raw.write(data)
        size = memoryview(data).nbytes
        self.bytes += size
        return size

    def tell(self) -> int:
        return self.bytes

    def flush(self) -> None:
        self._raw.flush()

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


UNKNOWN_SIZE = -1


class Folder:
    """One folder of the way of the data, by path or fsspec URL."""

    def __init__(self, path: str) -> None:
        self.fs, root = fsspec.core.url_to_fs(path)
        self.local = "file" in ([self.fs.protocol] if isinstance(self.fs.protocol, str) else self.fs.protocol)
        self.root: str = os.path.abspath(root) if self.local else root.rstrip("/")
        self.lock: OutputLock | None = None
        """That no other launcher is at work here: `schemas.run_record.start_run`."""

    @property
    def url(self) -> str:
        """The absolute path, or the URL, by which any process opens this folder."""
        return self.root if self.local else str(self.fs.unstrip_protocol(self.root))

    def sub(self, name: str) -> "Folder":
        """Return the folder `name` below this one."""
        return Folder(f"{self.url}/{name}")

    def path(self, name: str) -> str:
        """Return the path of file `name` as `self.fs` takes it."""
        return f"{self.root}/{name}"

    def exists(self, name: str = "") -> bool:
        return bool(self.fs.exists(self.path(name) if name else self.root))

    def names(self, directory: str = "", suffix: str = "", side_files: bool = False) -> list[str]:
        """Return the names of the files directly in `directory`, sorted, without temporaries, and mostly side files."""
        parent = self.path(directory) if directory else self.root
        if not self.fs.isdir(parent):
            return []
        prefix = f"{directory}/" if directory else ""
        found = [entry["name"].rsplit("/", 1)[-1] for entry in self.fs.ls(parent, detail=True, refresh=True)
                 if entry["type"] == "file"]  # fmt: skip
        wanted = (name for name in found if name.endswith(suffix) and TEMPORARY_MARK not in name)
        return sorted(prefix + name for name in wanted if side_files or not is_side_file(name))

    def sizes(self, suffix: str) -> dict[str, int]:
        """Return the bytes of the files directly in this folder, by name, sorted; one listing, side files left out.

        A web server's listing tells no sizes: `UNKNOWN_SIZE`.
        """
        found = {entry["name"].rsplit("/", 1)[-1]: UNKNOWN_SIZE if entry["size"] is None else int(entry["size"])
                 for entry in self.fs.ls(self.root, detail=True, refresh=True) if entry["type"] == "file"}  # fmt: skip
        return {name: found[name] for name in sorted(found) if name.endswith(suffix) and not is_side_file(name)
                and TEMPORARY_MARK not in name}  # fmt: skip

    def open(self, name: str) -> IO[bytes]:
        """Open file `name` for reading bytes."""
        return cast(IO[bytes], self.fs.open(self.path(name), "rb"))

    def read(self, name: str) -> bytes:
        return cast(bytes, self.fs.cat_file(self.path(name)))

    def read_recorded(self, record: FileRecord) -> bytes:
        """Return the bytes of a file. Raises ValueError that names it when they are not those of its record."""
        data = self.read(record.name)
        self.check_recorded(record, len(data), hashlib.sha256(data).hexdigest())
        return data

    def check_file(self, record: FileRecord, progress: Callable[[int], Any] = lambda num_bytes: None) -> None:
        """Raise ValueError that names the file of `record` when it is not as it was written; read it in pieces."""
        with self.open(record.name) as raw:
            sha256, size = sha256_of(raw, progress)
        self.check_recorded(record, size, sha256)

    def check_recorded(self, record: FileRecord, num_bytes: int, sha256: str | None = None) -> None:
        """Raise ValueError that names the file of `record` when it has other bytes, or another SHA-256, if given."""
        if num_bytes != record.bytes:
            found = f"{num_bytes} bytes, not the {record.bytes}"
        elif sha256 is not None and sha256 != record.sha256:
            found = f"the SHA-256 {sha256}, not the {record.sha256}"
        else:
            return
        raise ValueError(
            f"{self.path(record.name)}: found {found} noted when it was written; the file was changed or damaged, "
            "restore it or make its folder again"
        )

    def read_json(self, name: str) -> JsonObject:
        """Return the object in JSON file `name`. Raises ValueError that names the file when it holds none.

        A key that is missing is a ValueError, too, once it is asked for.
        """
        return parse_object(self.read(name), self.path(name))

    def size(self, name: str) -> int:
        return int(self.fs.size(self.path(name)))

    @contextmanager
    def writing(self, name: str) -> Iterator[HashingFile]:
        """Open file `name` for writing; it appears, whole, when the block ends without an exception.

        Two writers of one name are harmless: each has its own temporary file, the last rename stays.
        """
        target = self.path(name)
        if not self.local:
            raw = self.fs.open(target, "wb")
            try:
                yield HashingFile(raw)
            except BaseException:
                raw.discard() if hasattr(raw, "discard") else None
                raise
            raw.close()
            return
        os.makedirs(os.path.dirname(target), exist_ok=True)
        temporary = f"{os.path.dirname(target)}/{TEMPORARY_MARK}{uuid.uuid4().hex}-{os.path.basename(target)}"
        try:
            with open(temporary, "wb") as local_raw:
                yield HashingFile(local_raw)
                local_raw.flush()
                os.fsync(local_raw.fileno())
            os.replace(temporary, target)
        except BaseException as error:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise_named(error, target)
            raise

    def write(self, name: str, data: bytes, rows: int = 0) -> FileRecord:
        """Write file `name` whole and return its record."""
        with self.writing(name) as sink:
            sink.write(data)
        return FileRecord(name, rows, sink.bytes, sink.sha256)

    def write_json(self, name: str, value: Any) -> FileRecord:
        return self.write(name, canonical_json(value))

    def create(self, name: str, data: bytes) -> bool:
        """Write file `name` only if it does not exist yet, in one step; tell whether it was written."""
        target = self.path(name)
        if not self.local:
            try:
                self.fs.pipe_file(target, data, mode="create")
            except FileExistsError:
                return False
            return True
        os.makedirs(os.path.dirname(target), exist_ok=True)
        temporary = f"{os.path.dirname(target)}/{TEMPORARY_MARK}{uuid.uuid4().hex}-{os.path.basename(target)}"
        try:
            with open(temporary, "wb") as raw:
                raw.write(data)
                raw.flush()
                os.fsync(raw.fileno())
        except BaseException as error:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise_named(error, target)
            raise
        try:
            os.link(temporary, target)
        except FileExistsError:
            return False
        except OSError:  # a filesystem without hard links: exclusive, but not in one step
            return _create_without_link(target, data)
        finally:
            os.unlink(temporary)
        return True

    def copy(self, name: str, target: str) -> None:
        """Make file `target` the same as file `name`, whole or not at all; on a local disk no byte is copied."""
        if not self.local:
            self.fs.copy(self.path(name), self.path(target))
            return
        goal = self.path(target)
        temporary = f"{os.path.dirname(goal)}/{TEMPORARY_MARK}{uuid.uuid4().hex}-{os.path.basename(goal)}"
        try:
            os.link(self.path(name), temporary)
        except OSError:  # a filesystem without hard links
            with self.open(name) as source, self.writing(target) as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
            return
        os.replace(temporary, goal)
        if os.path.exists(temporary):  # they were the same file already: such a rename does nothing
            os.unlink(temporary)

    def delete(self, name: str) -> None:
        """Delete file or folder `name` if it exists."""
        if self.exists(name):
            self.fs.rm(self.path(name), recursive=True)

    def delete_temporaries(self) -> None:
        """Delete what killed writers left behind. When all is written: until then another launcher may be at work."""
        if self.local:
            for directory, _, names in os.walk(self.root):
                for name in names:
                    if name.startswith(TEMPORARY_MARK):
                        with suppress(FileNotFoundError):
                            os.unlink(f"{directory}/{name}")


def _create_without_link(target: str, data: bytes) -> bool:
    try:
        with open(target, "xb") as raw:
            raw.write(data)
    except FileExistsError:
        return False
    return True


def canonical_json(value: Any) -> bytes:
    """Return `value` as JSON in one fixed form: sorted keys, two spaces, a line end last.

    A byte of a file's name that is no UTF-8 is escaped (``\\udce9``): read again, it is the same name.
    """
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace")


def file_size(path: str) -> int:
    """Return the size in bytes of a file by path or fsspec URL."""
    fs, name = fsspec.core.url_to_fs(path)
    size = fs.size(name)
    if size is None:
        raise ValueError(f"{path}: the server does not tell its size; download the file first")
    return int(size)
