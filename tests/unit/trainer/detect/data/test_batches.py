"""Batches of annotated images: functions of seed and step, whatever came before; broken images are replaced."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.drawn_scenes import CLASSES, write_scenes
from trainer.detect.data.annotations import read_annotations
from trainer.detect.data.batches import Batches, DetectionBatch
from trainer.detect.data.examples import View

VIEW = View(image_px=32, num_negatives=5, least_part=0.6, mirrors=True, most_objects=16)


def batches(folder: Path, seed: int = 0, view: View = VIEW) -> Batches:
    path = folder / "annotations.json"
    annotations = read_annotations(str(path), str(folder / "images"))
    return Batches(annotations, str(folder / "images"), view, ["a {}", "some {}"], batch_size=4, seed=seed)


def bytes_of(batch: DetectionBatch) -> tuple:
    tensors = [batch.images_B3PP, batch.places_BQ, batch.asked_BQ, *batch.labels, *batch.targets]
    return *(tensor.numpy().tobytes() for tensor in tensors), *batch.prompts


def test_a_resumed_run_sees_the_same_with_any_threads(tmp_path: Path) -> None:
    write_scenes(tmp_path, 10, seed=2)
    whole = [bytes_of(batch) for batch in batches(tmp_path).iterate(0, 6, 1)]
    assert [bytes_of(batch) for batch in batches(tmp_path).iterate(3, 6, 3)] == whole[3:]
    assert [bytes_of(batch) for batch in batches(tmp_path, seed=1).iterate(0, 6, 1)] != whole
    assert list(batches(tmp_path).iterate(6, 6, 1)) == []


def test_each_image_comes_once_an_epoch(tmp_path: Path) -> None:
    write_scenes(tmp_path, 10, seed=2)
    view = View(image_px=64, num_negatives=1, least_part=1.0, mirrors=False, most_objects=64)
    rows = [
        row.numpy().tobytes() for batch in batches(tmp_path, view=view).iterate(0, 5, 2) for row in batch.images_B3PP
    ]
    assert len(set(rows[:10])) == len(set(rows[10:])) == 10
    assert sorted(rows[:10]) == sorted(rows[10:])
    assert rows[:10] != rows[10:]


def test_shapes_labels_and_prompts_fit_each_other(tmp_path: Path) -> None:
    write_scenes(tmp_path, 10, seed=2)
    seen = set()
    for batch in batches(tmp_path).iterate(0, 5, 2):
        assert batch.images_B3PP.shape == (4, 3, 32, 32)
        assert batch.images_B3PP.dtype == torch.uint8
        names = [prompt.split(maxsplit=1) for prompt in batch.prompts]
        assert {name for _, name in names} <= set(CLASSES)
        seen |= {first for first, _ in names}
        for row, (labels, targets) in enumerate(zip(batch.labels, batch.targets, strict=True)):
            assert targets.shape == (len(labels), 4)
            assert batch.asked_BQ[row, labels].all()
            assert int(batch.asked_BQ[row].sum()) == len(set(labels.tolist())) + 5
            assert ((targets > 0) & (targets <= 1)).all()
    assert seen == {"a", "some"}


def test_a_broken_image_is_replaced_by_the_next_and_counted(tmp_path: Path) -> None:
    write_scenes(tmp_path, 3, seed=2)
    (tmp_path / "images" / "00001.png").write_bytes(b"broken")
    view = View(image_px=64, num_negatives=1, least_part=1.0, mirrors=False, most_objects=1)
    found = list(batches(tmp_path, view=view).iterate(0, 3, 1))
    rows = [row.numpy().tobytes() for batch in found for row in batch.images_B3PP]
    assert len(set(rows)) == 2
    faults = sum((batch.faults for batch in found[1:]), found[0].faults)
    assert faults["of a file that does not decode"] == 4
    assert faults["objects beyond what the patches can find"] > 0


def test_without_any_good_image_it_ends(tmp_path: Path) -> None:
    write_scenes(tmp_path, 2, seed=2)
    for path in (tmp_path / "images").iterdir():
        path.write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"none of the 2 images of .* can be used: .*does not decode"):
        list(batches(tmp_path).iterate(0, 1, 1))


def test_targets_are_by_centre(tmp_path: Path) -> None:
    write_scenes(tmp_path, 4, seed=3)
    view = View(image_px=64, num_negatives=1, least_part=1.0, mirrors=False, most_objects=64)
    made = batches(tmp_path, view=view)
    annotations = read_annotations(str(tmp_path / "annotations.json"), str(tmp_path / "images"))
    (batch,) = made.iterate(0, 1, 1)
    wanted = (annotations.boxes_N4 / 64).tolist()
    for targets in batch.targets:
        corners = torch.cat([targets[:, :2] - targets[:, 2:] / 2, targets[:, :2] + targets[:, 2:] / 2], dim=1)
        for box in corners.tolist():
            assert any(np.allclose(box, other, atol=1e-6) for other in wanted)
