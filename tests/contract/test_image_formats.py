"""One list of formats: what the decoder reads is what folders, tars, the trainer's shards and class folders take."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.download.decode.image import Decoder, DecodeSettings
from pipeline.download.outcome import Encoded
from pipeline.sources.config import SourceOptions
from pipeline.sources.formats import open_source
from schemas.image_files import IMAGE_FORMATS, IMAGE_SUFFIXES, SUFFIXES_OF_FORMAT
from tests.support.opened_shards import blocks_of, captions, open_shards
from tests.support.small_shards import write_tar
from trainer.data.transforms import decode
from trainer.evaluate.class_names import ClassNames
from trainer.evaluate.inputs import find_images

COLOUR = (200, 120, 40)
SUFFIXES = [*IMAGE_SUFFIXES, ".JPG", ".Avif"]
"""Names are taken in any case."""


def image_file(suffix: str) -> bytes:
    """Return a picture of one colour as Pillow writes a file of this suffix; with more frames where it has them."""
    kind = Image.registered_extensions()[suffix.lower()]
    image = Image.new("RGB", (40, 30), COLOUR)
    sink = io.BytesIO()
    if suffix in (".mpo", ".apng", ".avifs", ".gif"):
        image.save(sink, kind, save_all=True, append_images=[Image.new("RGB", (40, 30), "blue")])
    else:
        image.save(sink, kind)
    return sink.getvalue()


@pytest.fixture(scope="module", params=SUFFIXES)
def named(request: pytest.FixtureRequest) -> tuple[str, bytes]:
    return request.param, image_file(request.param)


def in_source(path: Path, input_format: str) -> list[str]:
    """Return the images that `pipeline collect` finds."""
    source = open_source(SourceOptions(input=str(path), input_format=input_format)).source  # type: ignore[arg-type]
    rows = [row for split in source.splits() for item in source.read(split) for row in item.to_pylist()]  # type: ignore[union-attr]
    return [row["image_ref"]["member"] for row in rows]


def test_every_name_of_a_format_that_is_read_is_on_the_list() -> None:
    of_pillow = Image.registered_extensions()
    assert {suffix for suffix, kind in of_pillow.items() if kind in (*IMAGE_FORMATS, "MPO")} == set(IMAGE_SUFFIXES)
    for kind, suffixes in SUFFIXES_OF_FORMAT.items():
        assert {of_pillow[suffix] for suffix in suffixes} <= {kind, "MPO"}


def test_download_decodes_it(named: tuple[str, bytes]) -> None:
    settings = DecodeSettings(
        image_size=32, resize_mode="keep_ratio", resize_only_if_bigger=False, encode_format="png", encode_quality=9,
        skip_reencode=False, max_pixels=1_000_000,
    )  # fmt: skip
    found = Decoder(settings)(named[1])
    assert isinstance(found, Encoded), found
    assert near(np.asarray(Image.open(io.BytesIO(found.data)).convert("RGB"))[16, 16])


def test_the_trainer_decodes_it(named: tuple[str, bytes]) -> None:
    assert near(decode(named[1], 32)[:, 16, 16])


def near(pixel: np.ndarray) -> bool:
    return bool(np.abs(pixel.astype(int) - COLOUR).max() <= 12)


def test_a_folder_lists_it(named: tuple[str, bytes], tmp_path: Path) -> None:
    suffix, data = named
    (tmp_path / f"a{suffix}").write_bytes(data)
    (tmp_path / "a.txt").write_text("a cat")
    assert in_source(tmp_path, "folder") == [f"a{suffix}"]


def test_a_tar_lists_it(named: tuple[str, bytes], tmp_path: Path) -> None:
    suffix, data = named
    write_tar(tmp_path / "0.tar", [(f"a{suffix}", data), ("a.txt", b"a cat")])
    assert in_source(tmp_path / "0.tar", "webdataset") == [f"0.tar/a{suffix}"]


def test_the_trainers_shards_list_it(named: tuple[str, bytes], tmp_path: Path) -> None:
    suffix, data = named
    write_tar(tmp_path / "0.tar", [("a.txt", b"a cat"), (f"a{suffix}", data)])
    opened = open_shards(tmp_path)
    assert [block.image(0).tobytes() for block in blocks_of(opened)] == [data]
    assert (captions(opened), opened.sources[0].left_out) == ([["a cat"]], 0)


def test_class_folders_list_it(named: tuple[str, bytes], tmp_path: Path) -> None:
    suffix, data = named
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / f"a{suffix}").write_bytes(data)
    assert find_images(str(tmp_path), ClassNames.of(["cat"])).names == [f"cat/a{suffix}"]
