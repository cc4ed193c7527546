"""What img2dataset is told, and what is read back of its folder: images in the plan's order, lost rows too."""

import io
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.download.config import DownloadConfig
from pipeline.download.peer.fetch import ROW, arguments_for, fetch_by_img2dataset, read_results
from pipeline.download.peer.options import HONOURED, NEEDED
from pipeline.download.shard.plan import ShardPlan, read_shard_images
from schemas.manifest import recorded
from tests.support.download import make_selection


def config(**options: object) -> DownloadConfig:
    values: dict[str, object] = {"fetcher": "img2dataset", "allow_private_addresses": True, "policy": "headers-only"}
    return DownloadConfig(selection="s", output="o", **(values | options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"policy": "respect-explicit"}, "needs --policy headers-only: img2dataset reads no opt-out but X-Robots-Tag"),
        ({"allow_private_addresses": False}, "needs --allow-private-addresses: img2dataset asks any address"),
        ({"max_redirects": 2}, "max_redirects: img2dataset has no such option, found 2; leave out --max-redirects"),
        ({"user_agent": "me/1 (x@y)"}, "user_agent: img2dataset has no such option"),
        ({"max_connections_per_host": 2}, "max_connections_per_host: img2dataset has no such option"),
        ({"image_root": ("a=b",)}, "image_root: img2dataset has no such option"),
    ],
)
def test_what_it_cannot_honour_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**options)


def test_options_reach_it_by_its_names() -> None:
    found = arguments_for(config(image_size=99, timeout_s=3, retries=1, resize_mode="border", concurrency=5), "/f", 7)
    assert {name: found[name] for name in ("image_size", "timeout", "retries", "resize_mode", "thread_count")} == {
        "image_size": 99, "timeout": 3, "retries": 1, "resize_mode": "border", "thread_count": 5,
    }  # fmt: skip
    assert (found["number_sample_per_shard"], found["user_agent_token"]) == (7, "webimagetext")
    assert not HONOURED & NEEDED.keys()


def test_its_shard_is_read_in_the_order_of_the_plan(tmp_path: Path) -> None:
    shared = {"width": 1, "height": 2, "original_width": 3, "original_height": 4, "sha256": "ab"}
    rows = [
        {"key": "a", ROW: 2, "status": "success", "error_message": None, **shared},
        {"key": "b", ROW: 0, "status": "failed_to_download", "error_message": "HTTP Error 503: x", **shared},
        {"key": "c", ROW: 3, "status": "success", "error_message": None, **shared},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "00000.parquet")
    with tarfile.open(tmp_path / "00000.tar", "w") as tar:
        for name, data in (("c.jpg", b"later"), ("c.json", b"{}"), ("a.jpg", b"image"), ("a.json", b"{}")):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    spool = io.BytesIO()
    found = read_results(tmp_path, 4, "jpg", spool)
    assert [result.failure.reason if result.failure else None for result in found] == [
        "http_error", "decode_failed", None, None,
    ]  # fmt: skip
    assert found[0].http_status == 503
    for place, data in ((2, b"image"), (3, b"later")):
        assert spool.getvalue()[found[place].offset :][: found[place].length] == data
        assert (found[place].width, found[place].original_height, found[place].sha256) == (1, 4, "ab")


def test_local_images_are_refused(tmp_path: Path) -> None:
    reference = {"root": "p", "member": "0.jpg", "offset": None, "length": None}
    folder = make_selection(str(tmp_path), [[(reference, "x")]], roots={"p": "/"})
    plan = ShardPlan(0, 0, folder.url, recorded(folder, "00000.parquet"))
    with pytest.raises(ValueError, match="the selection has local images, which it cannot read"):
        fetch_by_img2dataset(plan, read_shard_images(plan), config())
