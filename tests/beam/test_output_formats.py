"""``--output-format files`` and ``parquet``: whole folders, with a hole to fill, made again; the trainer's answer."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.download.config import DownloadConfig
from pipeline.download.job import run_download
from pipeline.download.summary import print_download
from schemas.manifest import read_files
from schemas.storage import Folder
from tests.support.download import Web, make_selection, serving
from tests.support.folder_bytes import folder_bytes
from tests.support.waiting import PATIENCE_S
from trainer.data.open_data import open_folders


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serving() as found:
        yield found


def config(tmp_path: Path, output_format: str, output: str = "shards") -> DownloadConfig:
    return DownloadConfig(
        selection=str(tmp_path / "selection"), output=str(tmp_path / output), allow_private_addresses=True,
        timeout_s=PATIENCE_S, retries=0, num_decode_processes=1, image_size=32,
        output_format=output_format,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("output_format", ["files", "parquet"])
def test_a_folder_is_whole_numbered_and_made_again_as_it_was(
    tmp_path: Path, web: Web, output_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plans = [[(web.url(f"good/{plan}/{n}"), f"c {n}") for n in range(3)] for plan in range(3)]
    plans[0] = [(web.url("status/404"), "gone")]  # the last shard takes its number
    make_selection(str(tmp_path / "selection"), plans)
    manifest, report = run_download(config(tmp_path, output_format), [])
    root = tmp_path / "shards"
    print_download(manifest, report, str(root))
    assert "stored" in capsys.readouterr().out
    suffix = {"files": "", "parquet": ".parquet"}[output_format]
    assert json.loads((root / "sizes.json").read_text()) == {f"00000{suffix}": 3, f"00001{suffix}": 3}
    assert manifest["summary"]["output_format"] == output_format
    assert manifest["summary"]["stored_bytes"] > 0
    for record in read_files(Folder(str(root))):
        Folder(str(root)).check_file(record)
    rows = pa.concat_tables([pq.read_table(path) for path in sorted(root.glob("*.parquet"))]).to_pylist()
    came = {row["key"]: row for row in rows if row["status"] == "success"}
    assert (len(rows), len(came)) == (7, 6)
    if output_format == "files":
        images = {path.stem: path.read_bytes() for path in root.glob("*/*.jpg")}
        assert sorted(path.name for path in root.iterdir() if path.is_dir() and path.name.isdigit()) == [
            "00000", "00001",
        ]  # fmt: skip
    else:
        images = {key: row["jpg"] for key, row in came.items()}
    assert images.keys() == came.keys()
    assert all(data.startswith(b"\xff\xd8") for data in images.values())
    assert not list(root.glob("*.tar"))
    expected = folder_bytes(root)
    for name in ("manifest.json", "tables/files.parquet", "00001_stats.json"):
        (root / name).unlink()
    web.requests.clear()
    run_download(config(tmp_path, output_format), [])
    assert folder_bytes(root) == expected
    assert len(web.requests) == 3
    with pytest.raises(ValueError, match=f"was made with --output-format {output_format}; expected WebDataset"):
        open_folders([str(root)])
