"""Folders of shards to the samples of a run: what is found, what is left out, what is refused."""

import io
import json
import logging
import shutil
import tarfile
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.sources.images.captions import read_side_texts
from schemas.sample import FURTHER_CAPTIONS
from schemas.storage import Folder
from schemas.tables import write_table
from tests.support.foreign_shards import write_img2dataset
from tests.support.opened_shards import captions as captions_in
from tests.support.opened_shards import keys, open_shards
from tests.support.small_shards import captions, picture, write_shards, write_tar
from trainer.data.open_data import describe_inputs, open_folders, prepare_indexes, read_indexes
from trainer.data.read.captions import CaptionRule
from trainer.telling.reporter import Silent


def test_plain_webdataset_folder(tmp_path: Path) -> None:
    data = open_shards(write_shards(tmp_path / "a", 40))
    assert data.num_samples == 40
    assert captions_in(data) == [captions(number) for number in range(40)]
    assert data.sources[0].tars.to_pylist() == ["00000.tar", "00001.tar", "00002.tar"]


def test_a_byte_order_mark_is_no_part_of_a_caption(tmp_path: Path) -> None:
    members = []
    for key, suffix, raw in (
        ("a", "txt", "a tree".encode("utf-8-sig")), ("b", "txt", "a tree".encode("utf-16")),
        ("c", "json", '{"caption": "a tree"}'.encode("utf-8-sig")),
        ("d", "json", '{"captions": ["\ufeffa tree", "\ufeff"]}'.encode()),
    ):  # fmt: skip
        members += [(f"{key}.png", picture(0)), (f"{key}.{suffix}", raw)]
    write_tar(tmp_path / "0.tar", members)
    assert captions_in(open_shards(tmp_path)) == [["a tree"]] * 4


def test_a_json_holds_captions_as_collect_reads_them(tmp_path: Path) -> None:
    bodies = ('{"caption": ["l1", "l2"]}', '["j1"]', '{"size": 3, "text": "tt"}', '{"captions": [], "caption": "c"}',
              '[{"caption": "a1"}, {"text": "a2"}, null]', '"alone"')  # fmt: skip
    members = []
    for number, body in enumerate(bodies):
        members += [(f"{number}.png", picture(0)), (f"{number}.json", body.encode())]
    write_tar(tmp_path / "0.tar", members)
    found = captions_in(open_shards(tmp_path))
    assert found == [["l1", "l2"], ["j1"], ["tt"], ["c"], ["a1", "a2"], ["alone"]]
    collected = [read_side_texts({".json": body.encode()}, "", False).captions for body in bodies]
    assert found == [[caption.text for caption in one if caption.text] for one in collected]


def test_two_folders_come_one_after_the_other(tmp_path: Path) -> None:
    first, second = write_shards(tmp_path / "a", 5), write_shards(tmp_path / "b", 3)
    data = open_shards(first, second)
    assert keys(data) == [f"{n:06d}" for n in (0, 1, 2, 3, 4, 0, 1, 2)]
    assert len(data.sources) == 1


class Told(Silent):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, int, int]] = []
        self.said: list[str] = []

    def work(self, title: str, done_bytes: int, total_bytes: int) -> None:
        self.shown.append((title, done_bytes, total_bytes))

    def message(self, text: str) -> None:
        self.said.append(text)


def test_weights_or_rules_of_their_own_make_folders_sources(tmp_path: Path) -> None:
    first, second = write_shards(tmp_path / "a", 30), write_shards(tmp_path / "b", 10)
    weighted = open_shards(first, second, weights=[1, 3])
    assert weighted.mixture.places_before(1_000) == [500, 500]
    ruled = open_shards(first, second, rules=[CaptionRule(first=True), CaptionRule()])
    assert ruled.mixture.places_before(1_000) == [750, 250]
    assert [rule.first for rule in ruled.rules] == [True, False]


def test_captions_of_later_rounds_come_behind_those_of_the_sample(tmp_path: Path) -> None:
    """In the folder of the images and in one of a round that brought an image of its own."""
    first, second = write_shards(tmp_path / "a", 3), write_shards(tmp_path / "b", 1)
    (second / "00000.tar").unlink()
    write_tar(second / "00001.tar", [("new.png", picture(1)), ("new.txt", b"a new picture")])
    for directory, plan, named in ((first, 1, ("000001",)), (second, 10, ("000001", "000002")), (second, 9, ("gone",))):
        rows = [
            {"key": key, "captions": [f"{key} of {plan}"], "image_id": bytes(16), "pair_ids": [bytes(16)],
             "query_ids": [[1]]}
            for key in named
        ]  # fmt: skip
        table = pa.Table.from_pylist(rows, FURTHER_CAPTIONS)
        write_table(Folder(str(directory)), f"further_captions/{plan:05d}.parquet", table, FURTHER_CAPTIONS)
    assert captions_in(open_shards(first, second), first, second) == [
        captions(0), [*captions(1), "000001 of 1", "000001 of 10"], [*captions(2), "000002 of 10"], ["a new picture"],
    ]  # fmt: skip


def test_keys_without_an_image_are_counted_and_one_is_named(tmp_path: Path) -> None:
    image = picture(1)
    write_tar(
        tmp_path / "0.tar",
        [("a.png", image), ("a.txt", b"only text"), ("b.txt", b"no image"), ("c.png", image), ("e.png", b""),
         ("e.txt", b"empty image")],
    )  # fmt: skip
    source = open_shards(tmp_path).sources[0]
    assert (source.num_samples, source.left_out) == (2, 2)
    assert source.example == "b.txt: image_missing"


def test_side_files_are_no_shards_no_samples_and_counted(tmp_path: Path) -> None:
    side = b"\0\5\x16\7" + bytes(126)
    members = [("./._0.png", side), ("./0.png", picture(0)), ("./._0.txt", side), ("./0.txt", b"a red picture"),
               ("__MACOSX/._0.png", side), ("README", b"about")]  # fmt: skip
    write_tar(tmp_path / "0.tar", members)
    (tmp_path / "._0.tar").write_bytes(side)
    data = open_shards(tmp_path)
    assert captions_in(data) == [["a red picture"]]
    assert (data.sources[0].left_out, data.sources[0].passed_over) == (0, 4)


@pytest.mark.parametrize(
    ("members", "told"),
    [
        (["a.txt", "b.txt"], r"2 keys without \(a\.txt: image_missing\)"),
        (["22.05.png", "22.05.txt"], r"1 keys without \(22\.05\.png, 22\.05\.txt: image_missing\); a key ends at the"),
    ],
    ids=["texts", "dots"],
)
def test_shards_without_any_image_are_an_error_that_names_one(tmp_path: Path, members: list[str], told: str) -> None:
    write_tar(tmp_path / "0.tar", [(name, b"text" if name.endswith(".txt") else picture(0)) for name in members])
    with pytest.raises(ValueError, match=f"no sample with an image in .*: {told}"):
        open_shards(tmp_path)


def test_a_name_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    write_tar(
        tmp_path / "0.tar", [("\udcff.png", picture(0)), ("\udcff.txt", b"x"), ("a.png", picture(0)), ("a.txt", b"a")]
    )
    data = open_shards(tmp_path)
    assert (keys(data), data.sources[0].left_out) == (["a"], 1)


def test_an_empty_shard_breaks_nothing(tmp_path: Path) -> None:
    write_shards(tmp_path, 3)
    write_tar(tmp_path / "00009.tar", [])
    assert open_shards(tmp_path).num_samples == 3


def test_a_tar_cut_off_keeps_what_is_whole(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_shards(tmp_path, 16)
    path = tmp_path / "00000.tar"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING):
        data = open_shards(tmp_path)
    assert 4 <= data.num_samples <= 8
    assert len(keys(data)) == data.num_samples
    assert "00000.tar is cut off or damaged" in caplog.text


@pytest.mark.parametrize("zeroed", [False, True])
def test_behind_the_end_of_a_tar_the_next_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, zeroed: bool
) -> None:
    """As ``cat a.tar b.tar`` writes it; a header of zeros loses its member, and is told."""
    write_shards(tmp_path / "both", 80, 40)
    first, second = (tmp_path / "both" / f"{number:05d}.tar" for number in range(2))
    data = bytearray(first.read_bytes() + second.read_bytes())
    if zeroed:
        data[:512] = bytes(512)
    first.write_bytes(data)
    second.unlink()
    with caplog.at_level(logging.WARNING):
        found = open_shards(tmp_path / "both")
    assert found.num_samples == len(keys(found)) == 80 - zeroed
    assert ("00000.tar is damaged: at byte 0" in caplog.text) == zeroed


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
    assert keys(open_shards(tmp_path)) == ["d"]


def test_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"):
        open_shards(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match=r"holds no \.tar file"):
        open_shards(tmp_path)
    (tmp_path / "0.tar").write_bytes(b"this is no tar" * 100)
    with pytest.raises(ValueError, match=r"0\.tar: expected a tar file"):
        open_shards(tmp_path)
    write_tar(tmp_path / "0.tar", [])
    with pytest.raises(ValueError, match="no sample with an image in"):
        open_shards(tmp_path)


def test_an_unfinished_shards_folder_is_refused(tmp_path: Path) -> None:
    write_shards(tmp_path, 3)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="is unfinished"):
        open_shards(tmp_path)


def test_inputs_are_described_by_content_not_place(tmp_path: Path) -> None:
    first, second = write_shards(tmp_path / "a", 5), write_shards(tmp_path / "b", 5)
    assert describe_inputs(open_folders((str(first),))) == describe_inputs(open_folders((str(second),)))
    assert describe_inputs(open_folders((str(first),))) != describe_inputs(
        open_folders((str(write_shards(tmp_path / "c", 6)),))
    )


def test_the_files_of_another_tool_are_left_alone(tmp_path: Path) -> None:
    write_shards(tmp_path, 3)
    (tmp_path / "00000_stats.json").write_text(json.dumps({"count": 3}))
    (tmp_path / "00000.parquet").write_bytes(b"no parquet")
    assert open_shards(tmp_path).num_samples == 3


def test_a_run_keeps_its_indexes_and_refuses_shards_that_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shards, run = write_shards(tmp_path / "a", 20), Folder(str(tmp_path / "run"))
    folders = open_folders([str(shards)])
    told = Told()
    prepare_indexes(folders, run, 2, told)
    total = sum(folders[0].sizes.values())
    assert [shown[1:] for shown in told.shown][-1] == (total, total)
    assert "2 tars, 20 samples" in told.said[0]
    prepare_indexes(folders, run, 2, told)
    prepare_indexes(folders, Folder(str(tmp_path / "other run")), 2, told)
    assert (len(told.shown), len(told.said)) == (2, 1), "made once, then read from the run's folder or the user's cache"
    assert read_indexes(folders, run)[0].rows["samples"].to_pylist() == [16, 4]
    write_tar(shards / "00001.tar", [("a.png", picture(0))])
    with pytest.raises(ValueError, match=r"shard_index/0\.parquet: does not fit 00001\.tar: \d+ bytes, \d+ when"):
        read_indexes(open_folders([str(shards)]), run)


@pytest.mark.parametrize("kept_bytes", [0, 50, -9])
def test_an_index_that_was_cut_in_the_runs_folder_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_bytes: int, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folders = open_folders([str(write_shards(tmp_path / "a", 20))])
    run = Folder(str(tmp_path / "run"))
    prepare_indexes(folders, run, 2)
    whole = run.read("shard_index/0.parquet")
    run.write("shard_index/0.parquet", whole[:kept_bytes])
    prepare_indexes(folders, run, 2)
    assert run.read("shard_index/0.parquet") == whole
    assert "shard_index/0.parquet" in caplog.text
    assert "the index is made again" in caplog.text


@pytest.mark.parametrize(("name", "problem"), [("parquet", "no success of key"), ("stats", "successes")])
def test_a_sidecar_put_there_since_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, problem: str
) -> None:
    """The index of a folder is in the user's cache: what it was checked against is another since."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shards = write_img2dataset(tmp_path / "a", [9, 8])
    folders = open_folders([str(shards)])
    prepare_indexes(folders, Folder(str(tmp_path / "run")), 1)
    if name == "parquet":
        shutil.copy(shards / "00000.parquet", shards / "00001.parquet")
    else:
        shutil.copy(shards / "00000_stats.json", shards / "00001_stats.json")
    with pytest.raises(ValueError, match=rf"00001.*: .*{problem}"):
        prepare_indexes(folders, Folder(str(tmp_path / "next run")), 1)


def test_weights_and_rules_that_do_not_fit(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "a", 5)
    with pytest.raises(ValueError, match="weights must be one for each of 1 sources, found 2"):
        open_shards(shards, weights=[1, 2])
    with pytest.raises(ValueError, match=r"a weight must be in 0.000001 .. 1,000,000, found 0"):
        open_shards(shards, weights=[0])
    with pytest.raises(ValueError, match="one for all or one for each of 1 folders, found 2"):
        open_shards(shards, rules=[CaptionRule(), CaptionRule()])
