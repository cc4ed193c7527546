"""A CLIP of drawn shapes with captions, made a detector by scenes of some classes: finds these, and others by name.

Classes are a colour and a shape. Those that no scene of the training has are pairs of a colour and a shape that others
have; the CLIP knows them from captions.
"""

import io
import json
from pathlib import Path

import pytest
import torch

from tests.support.drawn_scenes import CLASSES, SEEN, UNSEEN, single, write_scenes
from tests.support.small_shards import write_tar
from trainer.__main__ import main
from trainer.config import TrainConfig
from trainer.loop import train
from trainer.telling.reporter import Silent
from trainer.workers.distributed import World

SIDE_PX = 48
GEOMETRY = {
    "embed_dim": 64,
    "image": {"kind": "vit", "image_px": SIDE_PX, "patch_px": 8, "width": 96, "layers": 4, "heads": 4},
    "text": {"width": 64, "layers": 2, "heads": 2, "context_length": 16, "vocab_size": 560},
}


def write_singles(folder: Path, num: int) -> str:
    """Write pictures of one shape of any class, with captions."""
    folder.mkdir()
    members = []
    for number in range(num):
        image, name = single(number, side_px=SIDE_PX)
        sink = io.BytesIO()
        image.save(sink, "PNG")
        members += [(f"{number:06d}.png", sink.getvalue()), (f"{number:06d}.txt", f"a {name}".encode())]
    write_tar(folder / "00000.tar", members)
    return str(folder)


def train_clip(root: Path) -> str:
    (root / "geometry.json").write_text(json.dumps(GEOMETRY))
    config = TrainConfig(
        shards=(write_singles(root / "singles", 5000),), model=str(root / "geometry.json"), tokenizer="train",
        output=str(root / "clip"), epochs=14.0, global_batch_size=128, learning_rate=2e-3, warmup_steps=50,
    )  # fmt: skip
    train(config, World(0, 1, torch.device("cpu")), Silent())
    return config.output


@pytest.mark.slow
def test_classes_that_no_box_was_seen_of_are_found_by_name(tmp_path: Path) -> None:
    """At IoU 0.5 a mean average precision of 0.6 for classes seen, and of 0.3 for the others."""
    (tmp_path / "templates.txt").write_text("a {}\n")
    (tmp_path / "seen.txt").write_text("".join(f"{name}\n" for name in SEEN))
    for unseen in UNSEEN:
        colour, shape = unseen.split()
        assert unseen not in SEEN
        assert any(colour in name for name in SEEN)
        assert any(shape in name for name in SEEN)
    annotations, images = write_scenes(
        tmp_path / "scenes", 4000, seed=1, classes=SEEN, side_px=SIDE_PX, least_part=0.25
    )
    held_out, held_out_images = write_scenes(tmp_path / "held-out", 300, seed=2, side_px=SIDE_PX, least_part=0.25)
    assert {one["name"] for one in json.loads(held_out.read_text())["categories"]} == set(CLASSES)
    common = ["--templates", str(tmp_path / "templates.txt"), "--device", "cpu", "--threads", "1"]
    main(
        ["detect", "train", "--checkpoint", train_clip(tmp_path), "--annotations", str(annotations), "--images",
         str(images), "--output", str(tmp_path / "detector"), "--epochs", "12", "--batch-size", "16",
         "--learning-rate", "1e-3", "--text-learning-rate", "1e-5", "--warmup-steps", "100", *common]
    )  # fmt: skip
    main(
        ["detect", "evaluate", "--checkpoint", str(tmp_path / "detector"), "--annotations", str(held_out), "--images",
         str(held_out_images), "--seen", str(tmp_path / "seen.txt"), "--output", str(tmp_path / "measured"), *common]
    )  # fmt: skip
    results = json.loads((tmp_path / "measured" / "results.json").read_text())
    assert (results["seen_classes"], results["unseen_classes"]) == (len(SEEN), len(UNSEEN))
    assert results["seen_ap50"] >= 0.6
    assert results["unseen_ap50"] >= 0.3
