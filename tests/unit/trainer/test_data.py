"""Shards to batches: what is found, what is skipped, and that batches do not depend on the workers."""

import io
import json
import logging
import tarfile
from collections.abc import Iterator
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
from trainer.data.loader import Batch, Loader, SampleReader
from trainer.data.shard_index import describe_inputs, read_shards
from trainer.data.transforms import ImageFault, centre_crop, crop, decode
from trainer.distributed import local_rows
from trainer.tokenizer import train_tokenizer

TOKENIZER = train_tokenizer([text for number in range(60) for text in captions(number)], vocab_size=600,
                            context_length=24)  # fmt: skip


def make_loader(directory: Path, seed: int = 0, cache_bytes: int = 2**24) -> Loader:
    reader = SampleReader(read_shards((str(directory),)), image_px=32, cache_bytes=cache_bytes)
    return Loader(reader, TOKENIZER, seed=seed, decode_threads=2)


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


def test_samples_without_image_or_caption_are_counted(tmp_path: Path) -> None:
    image = picture(1)
    write_tar(
        tmp_path / "0.tar",
        [
            ("a.png", image), ("a.txt", b"only text"), ("b.txt", b"no image"), ("c.png", image), ("d.png", image),
            ("d.json", b"{broken"), ("d.txt", b"text instead"), ("e.png", b""), ("e.txt", b"empty image"),
            ("f.png", image), ("f.json", b'{"captions": [7, null, "  "]}'), ("g.png", image),
            ("g.json", b'{"captions": [{"caption": "nested", "pair_id": "x"}]}'),
        ],
    )  # fmt: skip
    index = read_shards((str(tmp_path),))
    assert index.captions.to_pylist() == [["only text"], ["text instead"], ["nested"]]
    assert index.skipped == 4


def test_side_files_are_no_shards_no_samples_and_counted(tmp_path: Path) -> None:
    side = b"\0\5\x16\7" + bytes(126)
    members = [("./._0.png", side), ("./0.png", picture(0)), ("./._0.txt", side), ("./0.txt", b"a red picture"),
               ("__MACOSX/._0.png", side), ("README", b"about")]  # fmt: skip
    write_tar(tmp_path / "0.tar", members)
    (tmp_path / "._0.tar").write_bytes(side)
    index = read_shards((str(tmp_path),))
    assert index.captions.to_pylist() == [["a red picture"]]
    assert (index.skipped, index.passed_over) == (0, 5)


@pytest.mark.parametrize(
    ("members", "told"),
    [
        (["a.png", "b.png", "a.txt", "b.txt"],
         [r"2 apart from other members of their key .*, such as a\.txt in 0\.tar",
          r"2 without a caption .*, such as a\.png in 0\.tar"]),
        (["22.05.png", "22.05.txt"],
         [r"1 without an image \(a key ends at the first dot of the file name.*\), such as 22\.05\.png, 22\.05\.txt"]),
        (["a", "b", "._c.png"], ["2 passed over: member_without_suffix", "1 passed over: side_file"]),
    ],
    ids=["apart", "dots", "names"],
)  # fmt: skip
def test_what_is_left_out_is_named(tmp_path: Path, members: list[str], told: list[str]) -> None:
    write_tar(tmp_path / "0.tar", [(name, b"text" if name.endswith(".txt") else picture(0)) for name in members])
    for text in told:
        with pytest.raises(ValueError, match=f"no sample with an image and a caption in .*: .*{text}"):
            read_shards((str(tmp_path),))


def test_a_name_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    write_tar(
        tmp_path / "0.tar", [("\udcff.png", picture(0)), ("\udcff.txt", b"x"), ("a.png", picture(0)), ("a.txt", b"a")]
    )
    index = read_shards((str(tmp_path),))
    assert (index.keys.to_pylist(), index.skipped) == (["a"], 1)


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


def equal(left: Batch, parts: list[Batch]) -> bool:
    images = np.concatenate([part.images_b3PP.numpy() for part in parts])
    ends = np.concatenate([part.eos_b.numpy() for part in parts])
    texts = [row[: end + 1].tolist() for part in parts for row, end in zip(part.tokens_bL, part.eos_b, strict=True)]
    wanted = [row[: end + 1].tolist() for row, end in zip(left.tokens_bL, left.eos_b, strict=True)]
    return bool((left.images_b3PP.numpy() == images).all() and (left.eos_b.numpy() == ends).all() and wanted == texts)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_global_batches_do_not_depend_on_the_workers(tmp_path: Path, size: int) -> None:
    loader = make_loader(write_shards(tmp_path, 40))
    for start in (0, 30, 76):
        parts = [local_rows(10, rank, size) for rank in range(size)]
        assert equal(loader.batch(start, start + 10), [loader.batch(start + a, start + b) for a, b in parts])
    loader.close()


def test_cache_changes_nothing(tmp_path: Path) -> None:
    directory = write_shards(tmp_path, 20)
    cached, uncached, small = (make_loader(directory, cache_bytes=size) for size in (2**24, 0, 5 * 3 * 32 * 32))
    for start in (0, 10, 20):
        for other in (uncached, small):
            assert equal(cached.batch(start, start + 10), [other.batch(start, start + 10)])
    assert len(small.reader._cache) == 5


def test_broken_samples_are_replaced_counted_and_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    loader = make_loader(write_shards(tmp_path, 20, broken=(3, 4, 19)))
    with caplog.at_level(logging.WARNING):
        batch = loader.batch(0, 20)
        again = loader.batch(0, 20)
    assert batch.replaced == 3
    assert equal(batch, [again])
    assert sorted(batch.indices.tolist()) == list(range(20))
    for own, used in ((3, 5), (4, 5), (19, 0)):
        assert (loader.reader.read(own)[0], loader.reader.read(own)[1].shape) == (used, (3, 32, 32))
    assert caplog.text.count("replaced") == 3


def test_only_broken_samples_end_the_run(tmp_path: Path) -> None:
    loader = make_loader(write_shards(tmp_path, 4, broken=(0, 1, 2, 3)))
    ranges: Iterator[tuple[int, int]] = iter([(0, 4)])
    with pytest.raises(ValueError, match="do not decode"):
        next(loader.batches(ranges))


def test_batches_are_made_ahead_in_order(tmp_path: Path) -> None:
    loader = make_loader(write_shards(tmp_path, 20))
    made = list(loader.batches(iter([(0, 5), (5, 10), (10, 15)])))
    assert equal(loader.batch(0, 15), made)


def test_captions_of_an_image_change_between_epochs(tmp_path: Path) -> None:
    loader = make_loader(write_shards(tmp_path, 3))
    lengths = set()
    for epoch in range(12):
        batch = loader.batch(3 * epoch, 3 * epoch + 3)
        lengths.add(int(batch.eos_b[batch.indices.tolist().index(2)]))
    assert len(lengths) == 3


def encoded(width: int, height: int, image_format: str = "PNG", mode: str = "RGB") -> bytes:
    sink = io.BytesIO()
    Image.new(mode, (width, height), None).save(sink, image_format)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("size", "shape"), [((64, 64), (32, 32)), ((100, 50), (32, 64)), ((5, 20), (128, 32)), ((1000, 10), (32, 256))]
)
def test_the_short_side_is_resized(size: tuple[int, int], shape: tuple[int, int]) -> None:
    pixels = decode(encoded(*size), 32)
    assert pixels.shape == (3, *shape)
    assert centre_crop(pixels, 32).shape == (3, 32, 32)


@pytest.mark.parametrize("draw", [0, 2**64 - 1, 2**32 - 1, 12345678901234567])
def test_any_draw_cuts_a_square_inside(draw: int) -> None:
    assert crop(np.zeros((3, 32, 50), dtype=np.uint8), 32, draw).shape == (3, 32, 32)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"GIF89a", id="start of a GIF"),
        pytest.param(b"\xff\xd8\xff", id="start of a JPEG"),
        pytest.param(encoded(8, 8, "PPM", "L"), id="PPM"),
        pytest.param(encoded(8, 8)[:45], id="cut PNG"),
    ],
)
def test_what_does_not_decode_is_a_fault(data: bytes) -> None:
    with pytest.raises(ImageFault, match="does not decode"):
        decode(data, 32)


def test_a_bomb_is_refused_before_decoding() -> None:
    with pytest.raises(ImageFault, match="too many pixels"):
        decode(encoded(20_000, 6_000, mode="1"), 32)


def test_sidecar_of_another_tool_is_left_alone(tmp_path: Path) -> None:
    write_shards(tmp_path, 3)
    (tmp_path / "00000_stats.json").write_text(json.dumps({"count": 3}))
    assert len(read_shards((str(tmp_path),))) == 3
