"""A detector of drawn scenes from nothing: a CLIP of captioned shapes, made a detector by boxes of 18 of 24 classes.

The other six, new pairs of a colour and a shape, stand in captions alone. Some three minutes of one core; CLIP and
detector are made once for the tests here.
"""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.drawn_scenes import CLASSES, SEEN, UNSEEN, captioned, draw_scene, write_scenes
from tests.support.small_shards import write_tar
from trainer.__main__ import main
from trainer.config import TrainConfig
from trainer.loop import train
from trainer.presets import ModelConfig, TextConfig, ViTConfig
from trainer.saving.checkpoint import model_config_to_json
from trainer.telling.reporter import Silent
from trainer.workers.distributed import World

pytestmark = pytest.mark.slow

GEOMETRY = ModelConfig(
    embed_dim=32,
    image=ViTConfig(image_px=48, patch_px=8, width=64, layers=3, heads=4),
    text=TextConfig(width=48, layers=1, heads=2, context_length=16, vocab_size=600),
)
NUM_CAPTIONED, NUM_SCENES, NUM_HELD_OUT = 6_000, 800, 150


def png(image: Image.Image) -> bytes:
    sink = io.BytesIO()
    image.save(sink, "PNG")
    return sink.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("scenes")
    write_scenes(made / "train", NUM_SCENES, seed=1, classes=SEEN)
    write_scenes(made / "held-out", NUM_HELD_OUT, seed=2, classes=CLASSES)
    (made / "templates.txt").write_text("a {}\n")
    return made


@pytest.fixture(scope="module")
def clip(folder: Path) -> Path:
    """A CLIP of pictures with one or two shapes of all 24 classes, and captions that name them."""
    (folder / "shards").mkdir()
    for shard in range(4):
        members = []
        for number in range(shard, NUM_CAPTIONED, 4):
            image, caption = captioned(number)
            members += [(f"{number:06d}.png", png(image)), (f"{number:06d}.txt", caption.encode())]
        write_tar(folder / "shards" / f"{shard:05d}.tar", members)
    (folder / "geometry.json").write_text(json.dumps(model_config_to_json(GEOMETRY)))
    config = TrainConfig(
        shards=(str(folder / "shards"),), output=str(folder / "clip"), model=str(folder / "geometry.json"), epochs=7.5,
        global_batch_size=64, learning_rate=2e-3, warmup_steps=50, weight_decay=0.1, log_every_steps=100,
        checkpoint_every_steps=10_000,
    )  # fmt: skip
    train(config, World(0, 1, torch.device("cpu")), Silent())
    return folder / "clip"


@pytest.fixture(scope="module")
def detector(folder: Path, clip: Path) -> Path:
    main(["detect", "train", "--checkpoint", str(clip), "--annotations", str(folder / "train" / "annotations.json"),
          "--images", str(folder / "train" / "images"), "--templates", str(folder / "templates.txt"), "--output",
          str(folder / "detector"), "--image-px", "64", "--epochs", "10", "--batch-size", "16", "--learning-rate",
          "1e-3", "--text-learning-rate", "1e-4", "--warmup-steps", "30", "--num-negatives", "20", "--threads", "1",
          "--checkpoint-every-steps", "10000"])  # fmt: skip
    return folder / "detector"


def test_classes_without_boxes_are_found_by_their_names(folder: Path, detector: Path) -> None:
    main(["detect", "evaluate", "--checkpoint", str(detector), "--annotations",
          str(folder / "held-out" / "annotations.json"), "--images", str(folder / "held-out" / "images"), "--seen",
          str(folder / "train" / "annotations.json"), "--templates", str(folder / "templates.txt"), "--output",
          str(folder / "measured"), "--threads", "1"])  # fmt: skip
    results = json.loads((folder / "measured" / "results.json").read_text())
    assert (results["seen_classes"], results["unseen_classes"]) == (len(SEEN), len(UNSEEN))
    assert results["seen_ap50"] >= 0.6, results
    assert results["unseen_ap50"] >= 0.3, results


def test_a_picture_finds_its_like(folder: Path, detector: Path) -> None:
    """The surest box for a picture of one shape, in scenes with that shape and another, is mostly on that shape."""
    right, num = 0, 0
    for number, name in enumerate(SEEN[::2]):
        rng = np.random.default_rng((9, number))
        other = SEEN[(2 * number + 7) % len(SEEN)]
        query = draw_scene(rng, [name], side_px=64, least_px=24, most_px=32)
        scene = draw_scene(rng, [name, other], side_px=64, least_px=18, most_px=28)
        for image, path in ((query.image, "query.png"), (scene.image, "scene.png")):
            image.save(folder / path)
        output = folder / f"like-{number}"
        main(["detect", "run", "--checkpoint", str(detector), "--images", str(folder / "scene.png"), "--query-image",
              str(folder / "query.png"), "--query-box", *map(str, query.boxes[0]), "--least-score", "0", "--most", "1",
              "--output", str(output), "--threads", "1"])  # fmt: skip
        (found,) = json.loads((output / "detections.json").read_text())["images"][0]["objects"]
        left, top, width, height = found["box"]
        x, y, wanted_width, wanted_height = scene.boxes[0]
        right += x <= left + width / 2 <= x + wanted_width and y <= top + height / 2 <= y + wanted_height
        num += 1
    assert right >= 0.75 * num, f"{right} of {num}"
