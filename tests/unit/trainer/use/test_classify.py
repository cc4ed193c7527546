"""`trainer classify` as a user types it."""

import json
from pathlib import Path

import pytest

import trainer
from tests.support.small_shards import picture
from tests.unit.trainer.weights.test_begin import write_given
from trainer.__main__ import main
from trainer.evaluate.class_names import ClassNames
from trainer.use.classify import read_labels


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(picture(number))
    (tmp_path / "broken.png").write_bytes(b"broken")
    run = write_given(tmp_path / "run")
    cache = ["--cache-dir", str(tmp_path / "cache"), "--device", "cpu"]
    return ["classify", str(tmp_path / "0.png"), str(tmp_path / "broken.png"), str(tmp_path / "1.png"),
            "--checkpoint", str(run), "--batch-size", "2", *cache]  # fmt: skip


def test_pictures_and_labels(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([*command, "--labels", "a red star, grey,été 42", "--top", "2"])
    said = capsys.readouterr()
    assert said.err == f"skipped {tmp_path}/broken.png does not decode\n"
    lines = said.out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [f"{tmp_path}/0.png", f"{tmp_path}/1.png"]
    assert len(lines) == 6
    main([*command, "--labels", "a red star, grey,été 42", "--json"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["image"] for row in rows] == [f"{tmp_path}/0.png", f"{tmp_path}/1.png"]
    model, preprocess, tokenizer = trainer.load(tmp_path / "run", device="cpu")
    for row in rows:
        labels = ["a red star", "grey", "été 42"]
        cosines = model.encode_image(preprocess(row["image"])[None]) @ model.encode_text(tokenizer(labels)).T
        wanted = dict(zip(labels, (model.logit_scale.exp() * cosines).softmax(dim=-1)[0].tolist(), strict=True))
        found = {one["label"]: one["probability"] for one in row["labels"]}
        assert found == pytest.approx(wanted, abs=1e-6)
        assert list(found.values()) == sorted(found.values(), reverse=True)


def test_labels_of_a_file_have_commas_and_other_names(tmp_path: Path) -> None:
    (tmp_path / "l").write_text("goldfish, Carassius auratus\ncat|kitten\n")
    found = read_labels(str(tmp_path / "l"))
    assert found.names == [("goldfish, Carassius auratus",), ("cat", "kitten")]
    assert read_labels(" a dog,a cat ") == ClassNames.of(["a dog", "a cat"])
    assert read_labels("one").titles == ["one"]
    many = [f"label {number}" for number in range(50)]
    assert read_labels(",".join(many)).titles == many  # too long to be a file's name
    (tmp_path / "two").write_text("a dog\ncat|kitten\n")
    assert read_labels("a dog,cat | kitten") == read_labels(str(tmp_path / "two"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            ["--labels", "a,,b"],
            "error: --labels: expected labels with commas between them, found an empty one",
            id="empty",
        ),
        pytest.param(["--labels", "a,b|"], "error: --labels: expected NAME, NAME|NAME or", id="empty name"),
        pytest.param(["--labels", "a|b,a|c"], "error: --labels: 'a' is given twice", id="first name twice"),
        pytest.param(["--labels", "a_b,a b"], "error: --labels: 'a b' is given twice", id="twice"),
        pytest.param(["--labels", "absent.txt"], "error: --labels: no such file 'absent.txt'", id="no file"),
        pytest.param(
            ["--labels", "a,b", "--templates", "absent"],
            "error: --templates: no such file 'absent'; expected",
            id="templates",
        ),
        pytest.param(["--labels", "a,b", "--checkpoint", "absent"], "error: --checkpoint: no such folder", id="model"),
    ],
)
def test_bad_input_is_one_line(
    command: list[str], changes: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, *changes])
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith(message)
    assert said.count("\n") == 1


def test_no_usable_picture_is_an_error(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = [str(tmp_path / "broken.png"), str(tmp_path / "absent.png")]
    with pytest.raises(SystemExit):
        main([command[0], *images, *command[4:], "--labels", "a,b"])
    assert capsys.readouterr().err.splitlines() == [
        f"skipped {tmp_path}/broken.png does not decode",
        f"skipped {tmp_path}/absent.png: No such file or directory",
        "error: none of the 2 IMAGEs can be used",
    ]


def test_an_option_out_of_its_range_is_named(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--labels", "a,b", "--top", "0"])
    assert ended.value.code == 2
    assert "top must be at least 1, found 0" in capsys.readouterr().err
