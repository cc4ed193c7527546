"""Shards of any tool to an index of samples."""

import io
import json
import logging
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pipeline.sources.images.captions import read_side_texts
from schemas.sample import FURTHER_CAPTIONS, SHARD_TABLE
from schemas.storage import Folder
from schemas.tables import write_table
from tests.support.small_shards import captions, picture, write_shards, write_tar
from trainer.data.loader import SampleReader
from trainer.data.shard_index import describe_inputs, read_shards


def test_plain_webdataset_folder(tmp_path: Path) -> None:
    index = read_shards((str(write_shards(tmp_path / "a", 40)),))
    assert len(index) == 40
    assert index.captions.to_pylist() == [captions(number) for number in range(40)]
    assert [name for _, name in index.tars] == ["00000.tar", "00001.tar", "00002.tar"]
    reader = SampleReader(index, 64, 0)
    assert (reader.read(17)[1] == np.asarray(Image.open(io.BytesIO(picture(17)))).transpose(2, 0, 1)).all()


def test_a_byte_order_mark_is_no_part_of_a_caption(tmp_path: Path) -> None:
    members = []
    for key, suffix, raw in (
        ("a", "txt", "a tree".encode("utf-8-sig")), ("b", "txt", "a tree".encode("utf-16")),
        ("c", "json", '{"caption": "a tree"}'.encode("utf-8-sig")),
        ("d", "json", '{"captions": ["\ufeffa tree", "\ufeff"]}'.encode()),
    ):  # fmt: skip
        members += [(f"{key}.png", picture(0)), (f"{key}.{suffix}", raw)]
    write_tar(tmp_path / "0.tar", members)
    assert read_shards((str(tmp_path),)).captions.to_pylist() == [["a tree"]] * 4


def test_a_json_holds_captions_as_collect_reads_them(tmp_path: Path) -> None:
    bodies = ('{"caption": ["l1", "l2"]}', '["j1"]', '{"size": 3, "text": "tt"}', '{"captions": [], "caption": "c"}',
              '[{"caption": "a1"}, {"text": "a2"}, null]', '"alone"')  # fmt: skip
    members = []
    for number, body in enumerate(bodies):
        members += [(f"{number}.png", picture(0)), (f"{number}.json", body.encode())]
    write_tar(tmp_path / "0.tar", members)
    found = read_shards((str(tmp_path),)).captions.to_pylist()
    assert found == [["l1", "l2"], ["j1"], ["tt"], ["c"], ["a1", "a2"], ["alone"]]
    collected = [read_side_texts({".json": body.encode()}, "", False).captions for body in bodies]
    assert found == [[caption.text for caption in one if caption.text] for one in collected]


def test_two_folders_come_one_after_the_other(tmp_path: Path) -> None:
    first, second = write_shards(tmp_path / "a", 5), write_shards(tmp_path / "b", 3)
    index = read_shards((str(first), str(second)))
    assert index.keys.to_pylist() == [f"{n:06d}" for n in (0, 1, 2, 3, 4, 0, 1, 2)]


def test_captions_come_from_the_sidecar_when_there_is_one(tmp_path: Path) -> None:
    directory = write_shards(tmp_path / "a", 3)
    rows = [
        {"key": f"{number:06d}", "status": "success" if number < 2 else "failed_to_download",
         "captions": [f"beside {number}"], "caption": f"beside {number}", "image_id": bytes(16), "retryable": False,
         "pair_ids": [bytes(16)], "query_ids": [[1]]}
        for number in range(3)
    ]  # fmt: skip
    write_table(Folder(str(directory)), "00000.parquet", pa.Table.from_pylist(rows, SHARD_TABLE), SHARD_TABLE)
    assert read_shards((str(directory),)).captions.to_pylist() == [["beside 0"], ["beside 1"], captions(2)]


def test_captions_of_later_rounds_come_behind_those_of_the_sample(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In the folder of the images and in one of a round that brought an image of its own."""
    first, second = write_shards(tmp_path / "a", 3), write_shards(tmp_path / "b", 1)
    (second / "00000.tar").unlink()
    write_tar(second / "00001.tar", [("new.png", picture(1)), ("new.txt", b"a new picture")])
    for directory, plan, keys in ((first, 1, ("000001",)), (second, 10, ("000001", "000002")), (second, 9, ("gone",))):
        rows = [
            {"key": key, "captions": [f"{key} of {plan}"], "image_id": bytes(16), "pair_ids": [bytes(16)],
             "query_ids": [[1]]}
            for key in keys
        ]  # fmt: skip
        table = pa.Table.from_pylist(rows, FURTHER_CAPTIONS)
        write_table(Folder(str(directory)), f"further_captions/{plan:05d}.parquet", table, FURTHER_CAPTIONS)
    found = read_shards((str(first), str(second))).captions.to_pylist()
    assert found == [
        captions(0), [*captions(1), "000001 of 1", "000001 of 10"], [*captions(2), "000002 of 10"], ["a new picture"],
    ]  # fmt: skip
    assert "1 passed over: further captions of images that are in no folder of --shards" in caplog.text


def test_an_empty_shard_breaks_nothing(tmp_path: Path) -> None:
    write_shards(tmp_path, 3)
    write_tar(tmp_path / "00009.tar", [])
    assert len(read_shards((str(tmp_path),))) == 3


def test_a_tar_cut_off_keeps_what_is_whole(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_shards(tmp_path, 16)
    path = tmp_path / "00000.tar"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING):
        index = read_shards((str(tmp_path),))
    assert 4 <= len(index) <= 8
    assert "00000.tar" in caplog.text


def test_links_and_devices_in_a_tar_are_ignored(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "0.tar", "w") as archive:
        for name, kind in (("a.png", tarfile.SYMTYPE), ("b.png", tarfile.CHRTYPE), ("c.png", tarfile.LNKTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        for name, data in (("d.png", picture(0)), ("d.txt", b"real")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    assert read_shards((str(tmp_path),)).keys.to_pylist() == ["d"]


def test_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"):
        read_shards((str(tmp_path / "absent"),))
    with pytest.raises(FileNotFoundError, match=r"holds no \.tar file"):
        read_shards((str(tmp_path),))
    (tmp_path / "0.tar").write_bytes(b"this is no tar" * 100)
    with pytest.raises(ValueError, match=r"0\.tar: expected a tar file"):
        read_shards((str(tmp_path),))
    write_tar(tmp_path / "0.tar", [])
    with pytest.raises(ValueError, match="no sample with an image and a caption"):
        read_shards((str(tmp_path),))


def test_an_unfinished_shards_folder_is_refused(tmp_path: Path) -> None:
    write_shards(tmp_path, 3)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="is unfinished"):
        read_shards((str(tmp_path),))


def test_inputs_are_described_by_content_not_place(tmp_path: Path) -> None:
    first, second = write_shards(tmp_path / "a", 5), write_shards(tmp_path / "b", 5)
    assert describe_inputs((str(first),)) == describe_inputs((str(second),))
    assert describe_inputs((str(first),)) != describe_inputs((str(write_shards(tmp_path / "c", 6)),))


def test_sidecar_of_another_tool_is_left_alone(tmp_path: Path) -> None:
    write_shards(tmp_path, 3)
    (tmp_path / "00000_stats.json").write_text(json.dumps({"count": 3}))
    assert len(read_shards((str(tmp_path),))) == 3
