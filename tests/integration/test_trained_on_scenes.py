"""`trainer video` and `trainer guide` with a model that knows something: the right scene first, a text drawn."""

import json
from pathlib import Path

import numpy as np
import pytest

import trainer
from tests.support.drawn_scenes import CLASSES, draw_scene
from tests.support.made_videos import TURNS, shots, turn, write_video
from tests.support.trained_clip import train_on_scenes
from trainer.__main__ import main
from trainer.guide.config import GuideConfig
from trainer.guide.guide import guide

pytestmark = pytest.mark.slow

NUM_SCENES, LEAST_RIGHT = 20, 15
SECONDS = 2.0
LEAST_RISE = 0.25
"""In cosine, from the first strokes to the drawing."""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return train_on_scenes(tmp_path_factory.mktemp("trained"))


def test_the_right_scene_comes_first(checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(7)
    names = [CLASSES[number] for number in rng.permutation(len(CLASSES))[:NUM_SCENES]]
    scenes = [draw_scene(rng, [name], side_px=128, least_px=48, most_px=100).image for name in names]
    turned_left = [np.rot90(np.asarray(scene)) for scene in scenes]
    path = write_video(tmp_path / "scenes.mp4", shots(turned_left, SECONDS, (0.04, 0.2, 0.333)))
    turn(path, TURNS["quarter"])
    texts = [f"a {name}" for name in names]
    main(["video", str(path), "--text", *texts, "--checkpoint", checkpoint, "--cache-dir", str(tmp_path / "cache"),
          "--json", "--device", "cpu", "--threads", "1"])  # fmt: skip
    moments = json.loads(capsys.readouterr().out)["moments"]
    first = {one["query"]: int(one["time_s"] // SECONDS) for one in moments if one["rank"] == 1}
    right = [text for scene, text in enumerate(texts) if first[text] == scene]
    assert len(right) >= LEAST_RIGHT, first


def test_a_drawing_becomes_like_its_text_and_like_no_other(checkpoint: str, tmp_path: Path) -> None:
    text, png = "a green triangle", str(tmp_path / "d.png")
    told = guide(
        GuideConfig(
            text=text, checkpoint=checkpoint, output=str(tmp_path / "d.svg"), png=png, strokes=32, steps=300, seed=3,
            device="cpu", threads=1,
        )
    )  # fmt: skip
    assert told["after"][0] >= told["before"][0] + LEAST_RISE
    model, preprocess, tokenizer = trainer.load(checkpoint, device="cpu")
    captions = [f"a {name}" for name in CLASSES]
    cosines_K = (model.encode_image(preprocess(png)[None]) @ model.encode_text(tokenizer(captions)).T)[0]
    assert captions[int(cosines_K.argmax())] == text
