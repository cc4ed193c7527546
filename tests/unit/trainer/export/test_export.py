"""``trainer export`` whole: what it writes, prints and refuses; what transformers' pipeline makes of it."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.support.exported import RESNET, VIT, write_drawn
from tests.support.folder_bytes import folder_bytes
from tests.support.small_model import write_pictures
from trainer.__main__ import main, parse
from trainer.export import export as module
from trainer.export.config import ExportConfig
from trainer.export.export import WAYS, export
from trainer.use.classify import probabilities_of, read_labels
from trainer.use.load import load
from trainer.use.text_cache import cached_classes

LABELS = "a red picture,a green picture,blue & up,yellow"


def error_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def ours(path: str, pictures: list[Path], tmp_path: Path) -> list[dict[str, float]]:
    """Return what `trainer classify` gives each picture."""
    loaded, classes = load(path, device="cpu"), read_labels(LABELS)
    classes_KE = cached_classes(
        loaded.model, loaded.tokenizer, classes, ["{}"], batch_size=8, cache_dir=str(tmp_path / "cache")
    )
    rows = probabilities_of(loaded, tuple(map(str, pictures)), classes_KE, 8, 1)
    return [dict(zip(classes.titles, shares, strict=True)) for _, shares in rows if not isinstance(shares, str)]


def theirs(path: str, pictures: list[Path]) -> list[dict[str, float]]:
    """Return what transformers' pipeline gives each picture."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed: pip install transformers")
    classify = transformers.pipeline("zero-shot-image-classification", model=path, device="cpu")
    images = [Image.open(picture).convert("RGB") for picture in pictures]
    found = classify(images, candidate_labels=LABELS.split(","), hypothesis_template="{}")
    return [{one["label"]: one["score"] for one in shares} for shares in found]


def largest_difference(left: list[dict[str, float]], right: list[dict[str, float]]) -> float:
    assert [row.keys() for row in left] == [row.keys() for row in right]
    return max(abs(row[name] - other[name]) for row, other in zip(left, right, strict=True) for name in row)


def test_the_zero_shot_pipeline_of_transformers_says_what_classify_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    checkpoint = write_drawn(tmp_path, VIT)
    main(["export", checkpoint, "--format", "transformers", "--output", str(tmp_path / "theirs")])
    pictures = sorted(Path(write_pictures(tmp_path / "pictures", range(6))).rglob("*.png"))
    wide = []
    for picture in pictures:  # sizes of which both make the same squares, resized and cut
        wide.append(picture.with_suffix(".bmp"))
        Image.open(picture).resize((96, 64)).save(wide[-1])
    wanted = ours(checkpoint, pictures + wide, tmp_path)
    assert len(wanted) == 12
    assert largest_difference(wanted, theirs(str(tmp_path / "theirs"), pictures + wide)) < 1e-5
    assert largest_difference(wanted[:1], wanted[1:2]) > 1e-4  # what is compared tells pictures apart


def test_photographs_too(tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JPEGs are decoded at a lower size where that is enough, and rounded otherwise: the shares differ by little."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    checkpoint = write_drawn(tmp_path, VIT)
    main(["export", checkpoint, "--format", "transformers", "--output", str(tmp_path / "theirs")])
    photographs = sorted((shared_data / "photos").glob("*.jpg"))[:8]
    assert len(photographs) == 8
    wanted = ours(checkpoint, photographs, tmp_path)
    assert largest_difference(wanted, theirs(str(tmp_path / "theirs"), photographs)) < 5e-3


def test_what_is_written_and_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = write_drawn(tmp_path, RESNET)
    arguments = ["export", checkpoint, "--format", "safetensors", "--license", "apache-2.0", "--output"]
    main([*arguments, str(tmp_path / "a" / "plain")])
    told = capsys.readouterr().out
    assert "parameters, 521 tokens, " in told
    assert "the same to trainer.load: 5 images differ by 0.0e+00 of the largest value, 11 texts by 0.0e+00" in told
    assert "license" not in told
    main([*arguments, str(tmp_path / "b" / "plain")])
    assert folder_bytes(tmp_path / "a") == folder_bytes(tmp_path / "b")
    assert sorted(path.name for path in (tmp_path / "a" / "plain").iterdir()) == [
        "README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    card = (tmp_path / "a" / "plain" / "README.md").read_text()
    assert card.startswith("---\nlicense: apache-2.0\nlibrary_name: webimagetext\n")
    assert str(tmp_path) not in card


def test_a_reader_that_is_not_installed_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(name: str, package: str | None = None) -> object:
        return None if name == "open_clip" else find_spec(name, package)

    monkeypatch.setattr(module, "find_spec", without)
    export(ExportConfig(checkpoint=write_drawn(tmp_path, RESNET), format="open_clip", output=str(tmp_path / "theirs")))
    told = capsys.readouterr().out
    assert "not compared: open_clip is not installed\n" in told
    assert "the card says license: unknown; give --license" in told
    assert "Not compared: open_clip is not installed." in (tmp_path / "theirs" / "README.md").read_text()


def test_a_reader_that_cannot_be_imported_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "open_clip.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path / "broken")
    monkeypatch.delitem(sys.modules, "open_clip", raising=False)
    main(["export", write_drawn(tmp_path, VIT), "--format", "open_clip", "--output", str(tmp_path / "theirs")])
    assert "not compared: open_clip cannot be imported here (operator torchvision::nms" in capsys.readouterr().out


def test_what_a_reader_makes_something_else_of_is_not_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = write_drawn(tmp_path, VIT)
    before = module._named

    def with_another_mean(place: str) -> object:
        found = before(place)
        if not place.startswith("trainer.export.write_folder"):
            return found

        def write(folder: object, read: object) -> object:
            left_out = found(folder, read)
            body = folder.read_json("preprocessor_config.json") | {"image_mean": [0.5, 0.5, 0.5]}  # type: ignore[attr-defined]
            folder.write_json("preprocessor_config.json", body)  # type: ignore[attr-defined]
            return left_out

        return write

    pytest.importorskip("transformers", reason="transformers is not installed: pip install transformers")
    monkeypatch.setattr(module, "_check_weights", lambda read, folder, left_out: None)
    monkeypatch.setattr(module, "_named", with_another_mean)
    told = error_of(["export", checkpoint, "--format", "transformers", "--output", str(tmp_path / "theirs")], capsys)
    assert "image features of transformers" in told
    assert "expected at most 1e-04; nothing was written" in told
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_bad_input_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint, out = write_drawn(tmp_path, RESNET), str(tmp_path / "out")
    assert "CHECKPOINT: no such folder" in error_of(
        ["export", str(tmp_path / "none"), "--format", "onnx", "--output", out], capsys
    )
    assert "transformers has no class for CLIP's ResNets; give --format open_clip" in error_of(
        ["export", checkpoint, "--format", "transformers", "--output", out], capsys
    )
    assert "is a folder with files in it; expected an absent or empty folder" in error_of(
        ["export", checkpoint, "--format", "open_clip", "--output", str(tmp_path)], capsys
    )
    assert "--evaluation: no such file" in error_of(
        ["export", checkpoint, "--format", "open_clip", "--output", out, "--evaluation", str(tmp_path / "x.json")],
        capsys,
    )
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert "--format onnx takes onnx and onnxscript, found none; pip install 'webimagetext[export]'" in error_of(
        ["export", checkpoint, "--format", "onnx", "--output", out], capsys
    )
    assert not Path(out).exists()


def test_damaged_weights_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = Path(write_drawn(tmp_path, VIT))
    body = json.loads((checkpoint / "config.json").read_text())
    body["text"]["vocab_size"] = 500
    (checkpoint / "config.json").write_text(json.dumps(body))
    told = error_of(["export", str(checkpoint), "--format", "safetensors", "--output", str(tmp_path / "out")], capsys)
    assert "has embeddings of 521 tokens, the tokenizer 500" in told


def test_options() -> None:
    config = parse(["export", "runs/a", "--format", "onnx", "--output", "o", "--evaluation", "a", "b"])
    assert (config.checkpoint, config.format, config.evaluation) == ("runs/a", "onnx", ("a", "b"))
    assert config.license == "unknown"
    with pytest.raises(ValueError, match=r"license must be a name as apache-2\.0 or cc-by-4\.0, found 'my: own'"):
        ExportConfig(checkpoint="a", format="onnx", output="o", license="my: own")
    assert all(torch.jit is not None and ":" in way.write for way in WAYS.values())
