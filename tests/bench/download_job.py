"""The same list of URLs downloaded by `pipeline download` and by img2dataset, both as commands, with one setting."""

import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.manifest import read_manifest
from schemas.storage import Folder
from tests.bench.process_tree import Measured, measure
from tests.support.download import make_selection

NUM_SHARDS = 2

IMG2DATASET = """
import sys
from img2dataset import download
if __name__ == "__main__":
    download(
        url_list=sys.argv[1], output_folder=sys.argv[2], number_sample_per_shard=int(sys.argv[3]),
        input_format="parquet", output_format="webdataset", url_col="url", caption_col="caption",
        processes_count=2, thread_count=64, image_size=256, resize_mode="keep_ratio", resize_only_if_bigger=True,
        encode_quality=95, extract_exif=False, timeout=10, retries=2,
    )
"""


class DownloadJob:
    """Pairs of URL and caption, to 256 px, in `NUM_SHARDS` shards."""

    def __init__(self, folder: Path, pairs: Sequence[tuple[str, str]]) -> None:
        self.folder = folder
        self.per_shard = -(-len(pairs) // NUM_SHARDS)
        folder.mkdir()
        shards = [list(pairs[start : start + self.per_shard]) for start in range(0, len(pairs), self.per_shard)]
        make_selection(str(folder / "selection"), shards)
        urls, captions = zip(*pairs, strict=True)
        pq.write_table(pa.table({"url": urls, "caption": captions}), folder / "urls.parquet")
        (folder / "peer.py").write_text(IMG2DATASET)

    def ours(self, decode: str, *options: str) -> tuple[Measured, dict[str, int]]:
        """Return what it took, and images by outcome."""
        output = self.folder / "ours"
        shutil.rmtree(output, ignore_errors=True)
        measured = measure([
            sys.executable, "-m", "pipeline", "download", "--selection", str(self.folder / "selection"),
            "--output", str(output), "--image-size", "256", "--resize-mode", "keep_ratio", "--resize-only-if-bigger",
            "--encode-quality", "95", "--retries", "2", "--concurrency", "128", "--allow-private-addresses",
            "--decode", decode, *options,
        ])  # fmt: skip
        return measured, dict(read_manifest(Folder(str(output)), "shards")["summary"]["outcomes"])

    def peer(self) -> tuple[Measured, dict[str, int]]:
        """Return what img2dataset took, and images by its statuses."""
        output = self.folder / "peer"
        shutil.rmtree(output, ignore_errors=True)
        measured = measure([
            sys.executable, str(self.folder / "peer.py"), str(self.folder / "urls.parquet"), str(output),
            str(self.per_shard),
        ])  # fmt: skip
        statuses = [status for part in output.glob("*.parquet") for status in pq.read_table(part)["status"].to_pylist()]
        return measured, dict(Counter(statuses))
