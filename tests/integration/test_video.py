"""`trainer video` with a model that knows something: the scene that a text asks for comes first."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.drawn_scenes import CLASSES, draw_scene
from tests.support.made_videos import TURNS, shots, turn, write_video
from tests.support.trained_clip import train_on_scenes
from trainer.__main__ import main

pytestmark = pytest.mark.slow

NUM_SCENES, LEAST_RIGHT = 20, 15
SECONDS = 2.0


def test_the_right_scene_comes_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(7)
    names = [CLASSES[number] for number in rng.permutation(len(CLASSES))[:NUM_SCENES]]
    scenes = [draw_scene(rng, [name], side_px=128, least_px=48, most_px=100).image for name in names]
    turned_left = [np.rot90(np.asarray(scene)) for scene in scenes]
    path = write_video(tmp_path / "scenes.mp4", shots(turned_left, SECONDS, (0.04, 0.2, 0.333)))
    turn(path, TURNS["quarter"])
    checkpoint = train_on_scenes(tmp_path / "trained")
    texts = [f"a {name}" for name in names]
    main(["video", str(path), "--text", *texts, "--checkpoint", checkpoint, "--cache-dir", str(tmp_path / "cache"),
          "--json", "--device", "cpu"])  # fmt: skip
    moments = json.loads(capsys.readouterr().out)["moments"]
    first = {one["query"]: int(one["time_s"] // SECONDS) for one in moments if one["rank"] == 1}
    right = [text for scene, text in enumerate(texts) if first[text] == scene]
    assert len(right) >= LEAST_RIGHT, first
