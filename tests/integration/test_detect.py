"""`trainer detect train`, `run` and `evaluate` as users start them, on drawn scenes: whole, resumed, wrong."""

import contextlib
import csv
import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import trainer.detect.train as training
from tests.support.drawn_scenes import CLASSES
from tests.support.small_detector import DetectionFolder, change_annotations, make_detection_folder
from trainer.__main__ import main
from trainer.detect.model.detector_files import HEADS_FILE

SHORT = {"image_px": 48, "batch_size": 4, "epochs": 2.0, "warmup_steps": 2, "learning_rate": 1e-3,
         "checkpoint_every_steps": 2, "log_every_steps": 1, "num_negatives": 6}  # fmt: skip


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> DetectionFolder:
    return make_detection_folder(tmp_path_factory.mktemp("given"))


@pytest.fixture(scope="module")
def detector(given: DetectionFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector after six steps, which finds nothing right."""
    output = tmp_path_factory.mktemp("detector") / "output"
    main(given.train(output, **SHORT))
    return output


def model_bytes(output: Path) -> list[bytes]:
    return [(output / "final" / name).read_bytes() for name in ("model.safetensors", HEADS_FILE, "config.json")]


def test_a_stopped_training_goes_on_to_the_same_bytes(
    given: DetectionFolder, detector: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    output, steps = tmp_path / "output", 0
    losses_of = training.batch_losses

    def stop_in_step_6(*arguments: object) -> object:
        nonlocal steps
        steps += 1
        if steps == 6:
            raise RuntimeError("stopped")
        return losses_of(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(training, "batch_losses", stop_in_step_6)
        with pytest.raises(RuntimeError, match="stopped"):
            main(given.train(output, **SHORT))
    assert not (output / "manifest.json").exists()
    main(
        given.train(
            output,
            **SHORT,
        )
    )
    said = capsys.readouterr().out
    assert "goes on after step 4 of 6" in said
    assert model_bytes(output) == model_bytes(detector)
    assert (output / "metrics.csv").read_text() == (detector / "metrics.csv").read_text()
    main(given.train(output, **SHORT))
    assert "is finished already: nothing to do" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(given.train(output, **SHORT | {"seed": 1}))
    assert "belongs to another run" in capsys.readouterr().err


def test_a_short_run_reaches_its_rate(given: DetectionFolder, tmp_path: Path) -> None:
    main(given.train(tmp_path / "output", **SHORT | {"epochs": 4.0, "warmup_steps": 1000}))
    rows = csv.DictReader((tmp_path / "output" / "metrics.csv").read_text().splitlines())
    rates = [float(row["learning_rate"]) for row in rows]
    assert len(rates) == 12
    assert max(rates) == rates[0] == pytest.approx(SHORT["learning_rate"])


def test_bad_records_are_counted_and_the_training_goes_on(
    given: DetectionFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(given.images.parent, tmp_path / "scenes")
    path, images = tmp_path / "scenes" / "annotations.json", tmp_path / "scenes" / "images"
    body = json.loads(path.read_text())
    bad = [
        {"image_id": 1, "category_id": 1, "bbox": [900, 0, 5, 5]},
        {"image_id": 1, "category_id": 99, "bbox": [1] * 4},
    ]
    change_annotations(path, annotations=body["annotations"] + bad)
    (images / "00002.png").unlink()
    (images / "00003.png").write_bytes(b"broken")
    output = tmp_path / "output"
    main(given.train(output, **SHORT | {"epochs": 1.0}, annotations=path, images=images))
    said = capsys.readouterr().out
    assert "1 boxes outside of their image left out" in said
    assert "1 missing image files left out, 1 of unknown categories left out" in said
    assert "of a file that does not decode" in said
    assert (output / "manifest.json").exists()


def test_run_writes_boxes_and_pictures(
    given: DetectionFolder, detector: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(given.images, tmp_path / "pictures")
    (tmp_path / "pictures" / "broken.png").write_bytes(b"broken")
    wide = os.fsdecode(b"caf\xe9" * 60 + b".jpg")  # no UTF-8, and too long for a number before it
    Image.new("RGB", (90, 30), "red").save(tmp_path / "pictures" / wide)
    run = ["detect", "run", "--checkpoint", str(detector), "--images", str(tmp_path / "pictures"), "--templates",
           str(given.templates), "--least-score", "0", "--most", "3", "--threads", "1"]  # fmt: skip
    texts = [*run, "--queries", "red circle, blue square", "--output", str(tmp_path / "texts")]
    main(texts)
    said = capsys.readouterr()
    assert "13 images (1 skipped), 39 boxes" in said.out
    assert "broken.png: does not decode" in said.err
    body = json.loads((tmp_path / "texts" / "detections.json").read_text())
    assert body["queries"] == ["red circle", "blue square"]
    assert len(body["images"]) == 13
    assert str(tmp_path / "pictures" / wide) in [image["file"] for image in body["images"]]
    for image in body["images"]:
        scores = [one["score"] for one in image["objects"]]
        assert scores == sorted(scores, reverse=True)
        for one in image["objects"]:
            left, top, width, height = one["box"]
            assert one["query"] in body["queries"]
            assert 0 <= left <= left + width <= image["width"] + 0.02
            assert 0 <= top <= top + height <= image["height"] + 0.02
    pictures = sorted((tmp_path / "texts" / "pictures").iterdir())
    assert len(pictures) == 13
    assert {Image.open(path).size for path in pictures} == {(320, 320), (360, 120)}
    main(texts)
    assert "is finished already" in capsys.readouterr().out
    picture = [*run, "--query-image", str(given.images / "00000.png"), "--query-box", "0", "0", "30", "30", "--no-draw"]
    main([*picture, "--output", str(tmp_path / "picture")])
    body = json.loads((tmp_path / "picture" / "detections.json").read_text())
    assert body["queries"] == ["00000.png"]
    assert not (tmp_path / "picture" / "pictures").exists()


def test_evaluate_says_what_pycocotools_says_of_its_detections(
    given: DetectionFolder, detector: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seen.txt").write_text("\n".join(CLASSES[1:4]))
    output = tmp_path / "output"
    main(["detect", "evaluate", "--checkpoint", str(detector), "--annotations", str(given.annotations), "--images",
          str(given.images), "--seen", str(tmp_path / "seen.txt"), "--templates", str(given.templates), "--output",
          str(output), "--most-iou", "0.9", "--threads", "1"])  # fmt: skip
    results = json.loads((output / "results.json").read_text())
    assert (results["images"], results["skipped"], results["seen_classes"]) == (12, 0, 3)
    assert results["seen_classes"] + results["unseen_classes"] == results["classes"]
    assert "12 images (0 skipped)" in capsys.readouterr().out
    coco = pytest.importorskip("pycocotools.coco", reason="pip install pycocotools")
    cocoeval = pytest.importorskip("pycocotools.cocoeval", reason="pip install pycocotools")
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO(str(given.annotations))
        judged = cocoeval.COCOeval(truth, truth.loadRes(str(output / "detections.json")), "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    np.testing.assert_allclose([results["ap"], results["ap50"]], judged.stats[:2], atol=1e-9)


def test_what_is_wrong_is_one_line(
    given: DetectionFolder, detector: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["detect", "run", "--images", str(given.images), "--output", str(tmp_path / "o"), "--checkpoint"]
    (tmp_path / "broken.png").write_bytes(b"broken")
    for arguments, message in (
        ([*run, str(given.clip), "--queries", "a"], "has no detector.safetensors, so it is no detector"),
        ([*run, str(tmp_path / "none"), "--queries", "a"], "no such folder"),
        ([*run, str(detector), "--queries", " , "], "--queries: expected names, separated by commas"),
        ([*run, str(detector), "--queries-file", str(tmp_path / "none")], "--queries-file: no such file"),
        ([*run, str(detector), "--query-image", str(tmp_path / "none.png")], "--query-image: no such file"),
        ([*run, str(detector), "--query-image", str(tmp_path / "broken.png")], "broken.png does not decode"),
        ([*run, str(detector), "--query-image", str(given.images / "00000.png"), "--query-box", "70", "0", "5", "5"],
         "lies outside of"),
        (given.train(tmp_path / "t", image_px=50), "image_px must be a multiple of the model's patches of 8, found 50"),
        (given.train(tmp_path / "t", annotations=given.templates), "expected COCO's JSON"),
        (given.train(tmp_path / "t", device="cuda:99"), "device must be auto, cpu or one that torch has here"),
    ):  # fmt: skip
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        said = capsys.readouterr().err.strip()
        assert message in said
        assert said.count("\n") == 0, said
        shutil.rmtree(tmp_path / "o", ignore_errors=True)
        shutil.rmtree(tmp_path / "t", ignore_errors=True)
