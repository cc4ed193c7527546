"""Zero-shot evaluation: prompts, labels, scores, and clear errors."""

import json
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

import trainer
from schemas.manifest import read_manifest
from schemas.run_record import FolderConflict
from schemas.storage import Folder
from tests.support.small_shards import COLOURS, picture
from trainer.evaluate.class_names import ClassNames, read_classes
from trainer.evaluate.classify import embed_classes
from trainer.evaluate.config import ZeroShotConfig
from trainer.evaluate.inputs import find_images
from trainer.evaluate.prompts import read_templates
from trainer.evaluate.zero_shot import PREDICTIONS, evaluate
from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, TextConfig, ViTConfig
from trainer.saving.checkpoint import write_model
from trainer.tokenizer import train_tokenizer

TOKENIZER = train_tokenizer(["a red picture", "a green picture"], vocab_size=560, context_length=12)


CONFIG = ModelConfig(
    embed_dim=16,
    image=ViTConfig(image_px=32, patch_px=8, width=32, layers=1, heads=4),
    text=TextConfig(width=32, layers=1, heads=4, context_length=12, vocab_size=TOKENIZER.vocab_size),
)


@pytest.fixture
def made(tmp_path: Path) -> ZeroShotConfig:
    torch.manual_seed(0)
    write_model(Folder(str(tmp_path)), "model", CLIP(CONFIG), TOKENIZER)
    for number in range(12):
        folder = tmp_path / "images" / f"{list(COLOURS)[number % 4]}_one"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").write_bytes(picture(number))
    (tmp_path / "images" / "red_one" / "broken.jpg").write_bytes(b"broken")
    (tmp_path / "images" / "red_one" / "notes.txt").write_text("no image")
    (tmp_path / "classes.txt").write_text("".join(f"{name} one\n" for name in [*COLOURS, "white"]))
    (tmp_path / "templates.txt").write_text("a {}\n\nthe {} picture\n")
    return ZeroShotConfig(
        checkpoint=str(tmp_path / "model"),
        dataset=str(tmp_path / "images"),
        classes=str(tmp_path / "classes.txt"),
        templates=str(tmp_path / "templates.txt"),
        output=str(tmp_path / "results"),
        batch_size=5,
    )


def test_results_and_predictions(made: ZeroShotConfig) -> None:
    results = evaluate(made)
    assert (results["images"], results["skipped"], results["classes"], results["templates"]) == (12, 1, 5, 2)
    assert results["classes_with_images"] == 4
    table = pq.read_table(Path(str(made.output)) / "predictions.parquet")
    assert table.schema == PREDICTIONS
    rows = table.to_pylist()
    assert [row["path"] for row in rows[:3]] == ["blue_one/10.png", "blue_one/2.png", "blue_one/6.png"]
    assert results["top1"] == pytest.approx(np.mean([row["label"] == row["predicted"] for row in rows]))
    assert read_manifest(Folder(str(made.output)), "evaluation")["summary"]["top1"] == results["top1"]
    assert json.loads((Path(str(made.output)) / "results.json").read_text()) == results
    cells = pq.read_table(Path(str(made.output)) / "confusion.parquet").to_pylist()
    assert sum(cell["images"] for cell in cells) == 12
    assert sum(cell["images"] for cell in cells if cell["label"] == cell["predicted"]) == round(results["top1"] * 12)
    assert 0 <= results["calibration"]["expected_calibration_error"] <= 1
    assert (Path(str(made.output)) / "worst_classes.png").read_bytes().startswith(b"\x89PNG")


def test_side_files_are_no_classes_and_no_images_and_other_files_are_counted(made: ZeroShotConfig) -> None:
    root = Path(made.dataset)
    for name in (".ipynb_checkpoints/a-checkpoint.png", "__MACOSX/red_one/._0.png", "red_one/._0.png",
                 "red_one/.ipynb_checkpoints/0.png", ".DS_Store", "0.png", "red_one/0.heic"):  # fmt: skip
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).write_bytes(picture(0))
    results = evaluate(made)
    assert (results["images"], results["skipped"], results["passed_over"]) == (12, 1, 8)


def test_an_image_with_a_name_that_is_no_utf8_is_as_any_other(made: ZeroShotConfig) -> None:
    for name, data in ((b"caf\xe9.png", picture(0)), (b"br\xe9.png", b"broken")):
        (Path(made.dataset) / "red_one" / os.fsdecode(name)).write_bytes(data)
    results = evaluate(made)
    assert (results["images"], results["skipped"]) == (13, 2)
    paths = pq.read_table(Path(str(made.output)) / "predictions.parquet")["path"].to_pylist()
    assert "red_one/caf\\xe9.png" in paths


def test_a_class_may_be_named_like_a_side_folder(tmp_path: Path) -> None:
    (tmp_path / "__background__").mkdir()
    (tmp_path / "__background__" / "a.png").write_bytes(picture(0))
    assert find_images(str(tmp_path), ClassNames.of(["__background__"])).names == ["__background__/a.png"]


def test_the_same_again_gives_the_same_and_another_model_is_refused(made: ZeroShotConfig) -> None:
    assert evaluate(made) == evaluate(made)
    torch.manual_seed(1)
    write_model(Folder(str(Path(made.checkpoint).parent)), "model", CLIP(CONFIG), TOKENIZER)
    with pytest.raises(FolderConflict, match="belongs to another run"):
        evaluate(made)


def test_confidences_are_those_of_a_softmax_by_the_models_scale(made: ZeroShotConfig) -> None:
    evaluate(made)
    model, preprocess, tokenizer = trainer.load(made.checkpoint)
    classes = read_classes(made.classes)
    classes_KE = embed_classes(model, tokenizer, classes, read_templates(made.templates), 7)
    for row in pq.read_table(Path(str(made.output)) / "predictions.parquet").to_pylist()[:5]:
        image = preprocess(Path(made.dataset) / row["path"]).unsqueeze(0)
        chances = (model.logit_scale.exp() * model.encode_image(image) @ classes_KE.T).softmax(dim=-1)[0]
        assert row["confidence"] == pytest.approx(float(chances.max()), abs=1e-5)
        assert row["predicted"] == classes.titles[int(chances.argmax())]


def test_names_of_a_class_are_averaged(made: ZeroShotConfig) -> None:
    model = CLIP(CONFIG).eval()
    both = ClassNames(["red", "blue"], [("red", "scarlet"), ("blue",)], ["red", "blue"])
    found = embed_classes(model, TOKENIZER, both, ["a {}", "{}!"], 3)
    with torch.no_grad():
        texts = model.encode_texts(TOKENIZER.encode(["a red", "red!", "a scarlet", "scarlet!"]))
    torch.testing.assert_close(found[0], torch.nn.functional.normalize(texts.mean(dim=0), dim=0))


def test_batch_size_changes_nothing(made: ZeroShotConfig) -> None:
    model = CLIP(CONFIG).eval()
    whole = embed_classes(model, TOKENIZER, ClassNames.of(["red", "green_one"]), ["a {}", "{}!"], 100)
    again = embed_classes(model, TOKENIZER, ClassNames.of(["red", "green one"]), ["a {}", "{}!"], 1)
    torch.testing.assert_close(again, whole)
    torch.testing.assert_close(whole.norm(dim=1), torch.ones(2))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param(
            "templates.txt",
            "a {}\nwithout\n",
            r"templates.txt, line 2: expected a prompt with {} .*'without'",
            id="template without place",
        ),
        pytest.param("templates.txt", "\n", "has 0 lines that are not empty", id="no template"),
        pytest.param(
            "classes.txt", "red one\ngreen one\nred one\n", "line 3: 'red one' is already on line 1", id="class twice"
        ),
        pytest.param(
            "classes.txt", "red one\n", "folder 'blue_one' .* is no line of --classes", id="folder of no class"
        ),
    ],
)
def test_bad_files_are_named(made: ZeroShotConfig, name: str, content: str, message: str) -> None:
    (Path(made.classes).parent / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        evaluate(made)


def test_missing_things_are_named(made: ZeroShotConfig, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"--templates: no such file"):
        read_templates("absent.txt")
    with pytest.raises(FileNotFoundError, match=r"--classes: no such file"):
        read_classes("absent.txt")
    with pytest.raises(FileNotFoundError, match=r"--dataset: no such folder"):
        find_images("absent", ClassNames.of(["a"]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no image below"):
        find_images(str(tmp_path / "empty"), ClassNames.of(["a"]))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("model.safetensors", b"no tensors", "expected a safetensors file", id="weights"),
        pytest.param(
            "config.json", b"{}", "is of model_type None; expected .* a checkpoint of this project", id="empty config"
        ),
        pytest.param("config.json", b"no json", "expected JSON", id="broken config"),
        pytest.param("tokenizer.json", b"{}", "tokenizer.json", id="tokenizer"),
    ],
)
def test_a_broken_checkpoint_is_named(made: ZeroShotConfig, name: str, content: bytes, message: str) -> None:
    (Path(made.checkpoint) / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        evaluate(made)


def test_another_models_weights_are_refused(made: ZeroShotConfig) -> None:
    path = Path(made.checkpoint) / "config.json"
    path.write_text(path.read_text().replace('"embed_dim": 16', '"embed_dim": 8'))
    with pytest.raises(ValueError, match=r"tensor .* should have the shape"):
        evaluate(made)
