"""`trainer evaluate retrieval` as a user types it: lists and shards, against a plain count."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import trainer
from schemas.manifest import read_manifest
from schemas.storage import Folder
from tests.support.small_shards import captions, picture, write_shards
from tests.unit.trainer.evaluate.test_tiled_recall import plain
from tests.unit.trainer.weights.test_begin import write_given
from trainer.__main__ import main
from trainer.evaluate.measures import RETRIEVAL


@pytest.fixture
def run(tmp_path: Path) -> list[str]:
    return [
        "--checkpoint",
        str(write_given(tmp_path / "run")),
        "--device",
        "cpu",
        "--batch-size",
        "7",
        "--threads",
        "1",
    ]


def wanted(run: list[str], numbers: list[int]) -> dict[str, float]:
    """Return recalls of the pictures and all captions of `numbers`."""
    model, preprocess, tokenizer = trainer.load(run[1], device="cpu")
    images = model.encode_image(torch.stack([preprocess(picture(number)) for number in numbers]))
    texts = [text for number in numbers for text in captions(number)]
    image_of = np.repeat(np.arange(len(numbers)), [len(captions(number)) for number in numbers])
    return plain(images, model.encode_text(tokenizer(texts)), image_of)


def test_shards_with_several_captions(run: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_shards(tmp_path / "shards", 30, broken=(3, 20))
    command = ["evaluate", "retrieval", *run, "--pairs", str(tmp_path / "shards"), "--output", str(tmp_path / "out")]
    main(command)
    said = capsys.readouterr()
    used = [number for number in range(30) if number not in (3, 20)]
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {name: found[name] for name in RETRIEVAL} == pytest.approx(wanted(run, used))
    assert (found["images"], found["skipped"], found["passed_over"]) == (28, 2, 0)
    assert found["captions"] == sum(len(captions(number)) for number in used)
    assert said.err == "skipped 00000.tar/000003: does not decode\nskipped 00001.tar/000020: does not decode\n"
    assert said.out.startswith("28 images (2 skipped), ")
    assert read_manifest(Folder(str(tmp_path / "out")), "evaluation")["summary"]["images"] == 28


def test_a_list_with_a_row_a_caption(run: list[str], tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    rows = ["file\tcaption"]
    for number in range(12):
        (tmp_path / "pictures" / f"{number}.png").write_bytes(picture(number))
        rows += [f"{number}.png\t{caption}" for caption in captions(number)]
    rows += ["gone.png\ta caption", "0.png\t", "\tno path"]
    (tmp_path / "list.tsv").write_text("\n".join(rows) + "\n")
    command = ["evaluate", "retrieval", *run, "--pairs", str(tmp_path / "list.tsv"), "--image-dir",
               str(tmp_path / "pictures"), "--output", str(tmp_path / "out")]  # fmt: skip
    main([*command, "--max-images", "10"])
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {name: found[name] for name in RETRIEVAL} == pytest.approx(wanted(run, list(range(10))))
    assert (found["images"], found["skipped"], found["passed_over"]) == (10, 0, 2)
    with pytest.raises(SystemExit):
        main(command)  # another question in the same folder


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param("absent", None, "--pairs: no such file or folder", id="absent"),
        pytest.param("a.txt", "x", "expected a folder of shards, a .tar, or a .csv or .tsv", id="another file"),
        pytest.param("a.csv", "path,x\n", "has no column with the caption of an image", id="no column"),
        pytest.param("a.csv", "path,caption\n,\n", "has no row with a path and a caption", id="no row"),
        pytest.param("a.csv", "path,caption\ngone.jpg,x\n", "0 of 1 images of .* decode", id="no image"),
        pytest.param("folder/x", "", "holds no .tar; expected shards, or a .csv", id="a folder without shards"),
    ],
)
def test_bad_input_is_one_line(
    run: list[str], tmp_path: Path, name: str, text: str | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    if text is not None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    pairs = path.parent if name == "folder/x" else path
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "retrieval", *run, "--pairs", str(pairs)])
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith("error: --pairs: ")
    assert said.count("\n") == 1
    assert re.search(message, said)
