"""Checks whole shards against the SHA-256 that their folder's list of files notes, before a run begins.

In: the folders. Out: nothing, or an error that names the shard. While a run reads blocks, what is checked of each is
that its headers, with their sums, are those of as many samples as the index says (`Block`), and that images decode; a
changed byte inside an image that still decodes is seen by this check alone.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from schemas.manifest import MANIFEST_FILE, read_records
from schemas.storage import FileRecord, Folder
from trainer.data.open_data import ShardFolder


def verify_shards(
    folders: Sequence[ShardFolder], threads: int, progress: Callable[[int], object] = lambda num_bytes: None,
    part: int = 0, parts: int = 1,
) -> None:  # fmt: skip
    """Read part `part` of the shards whole, once. `progress` gets the bytes read.

    Raises ValueError that names a shard which is not as it was written, or a folder that notes no checksums.
    """
    wanted: list[tuple[Folder, FileRecord]] = []
    for opened in folders:
        if not opened.folder.exists(MANIFEST_FILE):
            raise ValueError(
                f"--verify-checksums: {opened.folder.url} has no {MANIFEST_FILE}, which notes them; expected a folder "
                "of pipeline download"
            )
        records = read_records(opened.folder)
        for name in opened.sizes:
            if name not in records:
                raise ValueError(f"--verify-checksums: {opened.folder.path(name)} is not in its folder's list of files")
            wanted.append((opened.folder, records[name]))
    with ThreadPoolExecutor(threads, thread_name_prefix="verify") as pool:
        checks = [pool.submit(folder.check_file, record, progress) for folder, record in wanted[part::parts]]
        try:
            for check in checks:
                check.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
