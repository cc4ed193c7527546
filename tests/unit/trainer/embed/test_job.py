"""Features as files: of folders, texts and shards; resumed, shared among processes, refused."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from schemas.feature_files import IMAGE, TEXT
from schemas.run_record import FolderConflict
from schemas.storage import TEMPORARY_MARK
from tests.support.small_model import write_small_model
from tests.support.small_shards import captions, picture, write_shards, write_tar
from trainer.embed import job
from trainer.embed.config import EmbedConfig
from trainer.use.load import load


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("embed")
    write_small_model(found)
    write_small_model(found, "other", seed=1)
    (found / "images" / "deep").mkdir(parents=True)
    for number in range(11):
        (found / "images" / ("deep" if number % 2 else "") / f"{number:02d}.png").write_bytes(picture(number))
    (found / "images" / "broken.jpg").write_bytes(b"broken")
    (found / "images" / os.fsdecode(b"caf\xe9.png")).write_bytes(picture(0))
    (found / "texts.txt").write_bytes(b"\xef\xbb\xbfa red picture\n\nsomething green\r\n\xff\xfe bad\nblue\n")
    write_shards(found / "shards", 40, broken=(3,))
    return found


def config_of(root: Path, output: str, **more: object) -> EmbedConfig:
    return EmbedConfig(
        checkpoint=str(root / "model"), output=str(root / output), threads=1, batch_size=4, part_rows=5, **more
    )  # type: ignore[arg-type]


def rows_of(folder: Path) -> dict[str, dict]:
    tables = [pq.read_table(path) for path in sorted((folder / "features").glob("*.parquet"))]
    return {row["id"]: row for table in tables for row in table.to_pylist()}


def files_of(folder: Path) -> dict[str, bytes]:
    names = ("run.json", ".lock")
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.name.startswith(".") and p.name not in names
    }


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_images_of_a_folder(root: Path, dtype: str) -> None:
    summary = job.embed(config_of(root, f"of_images_{dtype}", images=str(root / "images"), dtype=dtype))
    assert (summary["rows"], summary["unusable"], summary["columns"]) == (11, 2, [IMAGE])
    rows = rows_of(root / f"of_images_{dtype}")
    assert list(rows) == sorted(rows)
    model, preprocess, _ = load(root / "model", device="cpu")
    for name in ("00.png", "deep/09.png"):
        alone = model.encode_images(preprocess(root / "images" / name)[None])[0].numpy()
        np.testing.assert_allclose(rows[name][IMAGE], alone, atol=1e-3 if dtype == "float16" else 1e-6)
    files = sorted((root / f"of_images_{dtype}" / "unusable").glob("*.parquet"))
    assert [row["id"] for file in files for row in pq.read_table(file).to_pylist()] == ["broken.jpg", "caf\\xe9.png"]


def test_lines_of_a_text(root: Path) -> None:
    summary = job.embed(config_of(root, "of_texts", texts=str(root / "texts.txt"), dtype="float32"))
    assert (summary["rows"], summary["unusable"], summary["columns"]) == (3, 1, [TEXT])
    rows = rows_of(root / "of_texts")
    assert {name: row["caption"] for name, row in rows.items()} == {
        "1": "a red picture", "3": "something green", "5": "blue",
    }  # fmt: skip
    model, _, tokenizer = load(root / "model", device="cpu")
    np.testing.assert_allclose(rows["5"][TEXT], model.encode_texts(tokenizer.encode(["blue"]))[0].numpy(), atol=1e-6)


def test_pairs_of_shards_and_where_their_images_lie(root: Path) -> None:
    summary = job.embed(config_of(root, "of_shards", shards=str(root / "shards")))
    assert (summary["rows"], summary["unusable"], summary["columns"]) == (39, 1, [IMAGE, TEXT])
    rows = rows_of(root / "of_shards")
    row = rows["000021"]
    assert row["caption"] == captions(21)[0]
    with (root / "shards" / row["tar"]).open("rb") as tar:
        tar.seek(row["image_offset"])
        assert tar.read(row["image_bytes"]) == picture(21)
    assert "000003" not in rows


def test_texts_of_shards_need_no_image_and_a_sample_without_caption_keeps_its_image(root: Path) -> None:
    (root / "lone").mkdir()
    write_tar(root / "lone" / "0.tar", [("a.png", picture(1)), ("a.txt", b"a cat"), ("b.png", picture(2))])
    both = job.embed(config_of(root, "lone_both", shards=str(root / "lone")))
    assert (both["rows"], both["unusable"], both["without_caption"]) == (2, 0, 1)
    assert not any(rows_of(root / "lone_both")["b"][TEXT])
    texts = job.embed(config_of(root, "lone_texts", shards=str(root / "lone"), of="texts"))
    assert (texts["rows"], texts["unusable"], texts["columns"]) == (1, 1, [TEXT])


def test_killed_and_run_again_or_shared_among_processes_gives_the_same_bytes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = config_of(root, "whole", shards=str(root / "shards"))
    job.embed(whole)
    killed = dataclasses.replace(whole, output=str(root / "killed"))
    write, made = job._write_part, []

    def fail_third(*arguments: object) -> None:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(arguments[1])
        write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(job, "_write_part", fail_third)
    with pytest.raises(KeyboardInterrupt):
        job.embed(killed)
    monkeypatch.setattr(job, "_write_part", lambda *a: (made.append(a[1]), write(*a)))
    job.embed(killed)
    assert sorted(made) == list(range(len(made)))  # no part twice
    shared = dataclasses.replace(whole, output=str(root / "shared"))
    assert job.embed(dataclasses.replace(shared, part="2/2")) == {}
    assert job.embed(dataclasses.replace(shared, part="1/2"))["rows"] == 39
    assert files_of(root / "killed") == files_of(root / "whole") == files_of(root / "shared")


def test_a_part_that_lost_its_file_is_made_again(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = config_of(root, "lost", texts=str(root / "texts.txt"))
    job.embed(config)
    before = files_of(root / "lost")
    job.embed(config)
    assert "is finished already" in capsys.readouterr().out
    (root / "lost" / "manifest.json").unlink()
    shutil.rmtree(root / "lost" / "features")
    job.embed(config)
    assert files_of(root / "lost") == before


def test_an_output_of_another_model_is_refused(root: Path) -> None:
    config = config_of(root, "of_one", texts=str(root / "texts.txt"))
    job.embed(config)
    with pytest.raises(FolderConflict, match="belongs to another run"):
        job.embed(dataclasses.replace(config, checkpoint=str(root / "other")))


def test_nothing_usable_ends_with_the_first_reason(root: Path) -> None:
    (root / "none").mkdir(exist_ok=True)
    (root / "none" / "a.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"none of 1 can be embedded; the first: a.png"):
        job.embed(config_of(root, "of_none", images=str(root / "none")))


def test_where_pictures_lie_is_told_from_any_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    job.embed(dataclasses.replace(config_of(root, "told", images="images")))
    told = json.loads((root / "told" / "run.json").read_text())
    assert told["paths"]["images"] == str(root / "images")


def test_who_finishes_with_others_leaves_their_files(root: Path) -> None:
    """Files of a manifest that another process is writing are not what a killed one left."""
    config = config_of(root, "meeting", images=str(root / "images"))
    job.embed(dataclasses.replace(config, part="1/2"))
    written = root / "meeting" / f"{TEMPORARY_MARK}manifest.json"
    written.write_text("")
    assert job.embed(dataclasses.replace(config, part="2/2"))
    assert written.exists()
