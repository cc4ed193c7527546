"""``trainer guide`` as a user types it."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image

import trainer
from tests.support.small_model import write_small_model
from trainer.__main__ import main


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_small_model(tmp_path_factory.mktemp("model"))


def asked(model: str, *arguments: str) -> list[str]:
    return ["guide", "--checkpoint", model, "--device", "cpu", "--threads", "1", "--steps", "6", "--strokes", "4",
            "--views", "2", "--size", "64", *arguments]  # fmt: skip


def test_a_drawing_and_what_it_is_like(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawing, png = str(tmp_path / "d.svg"), str(tmp_path / "d.png")
    main(asked(model, "a red picture", "--output", drawing, "--png", png, "--away", "a green picture", "words"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"4 strokes, 6 steps: {drawing}, {png}"
    texts = ["a red picture", "a green picture", "words"]
    assert [re.sub(r"^-?[\d.]+ -> -?[\d.]+  ", "", line) for line in lines[:-1]] == texts
    loaded = trainer.load(model, device="cpu")
    found = (
        loaded.model.encode_image(loaded.preprocess(png)[None]) @ loaded.model.encode_text(loaded.tokenizer(texts)).T
    )
    said = [float(line.split()[2]) for line in lines[:-1]]
    assert said == pytest.approx(found[0].tolist(), abs=1e-3)
    assert Image.open(png).size == (64, 64)
    assert len(list(ET.parse(drawing).iter("{http://www.w3.org/2000/svg}path"))) == 4
    again = str(tmp_path / "again.svg")
    main(asked(model, "a red picture", "--output", again, "--away", "a green picture", "words"))
    assert Path(again).read_bytes() == Path(drawing).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["red", "--output", "there.svg"], "there.svg exists already; give another name, or delete it"),
        (["red", "--output", "absent/d.svg"], "no such folder 'absent'; make it first"),
        (["red", "--output", "d.png"], "output must be a file that ends in .svg, found 'd.png'"),
        (["red", "--output", "d.svg", "--png", "d.gif"], "png must be a file that ends in .png, found 'd.gif'"),
        ([" ", "--output", "d.svg"], "expected texts that are not empty"),
        (["red", "--output", "d.svg", "--steps", "0"], "steps must be at least 1, found 0"),
        (["red", "--output", "d.svg", "--strokes", "5000"], "strokes must be at most 4096, found 5000"),
        (["red", "--output", "d.svg", "--away-weight", "inf"], "away_weight must be a finite number, found inf"),
        (["red", "--output", "d.svg", "--checkpoint", "absent"], "no such folder"),
    ],
    ids=["there", "no-folder", "no-svg", "no-png", "empty", "no-step", "many", "endless", "no-model"],
)
def test_what_is_wrong_is_told(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: list[str], told: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.svg").write_text("mine")
    with pytest.raises(SystemExit) as ended:
        main(asked(model, *arguments))
    assert ended.value.code == 2
    assert told in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert (tmp_path / "there.svg").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["there.svg"]
