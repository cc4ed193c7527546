"""What `trainer video` is asked: a text first, or texts and pictures by options."""

import re
from pathlib import Path

import pytest

from trainer.video.config import VideoConfig


def test_the_first_word_is_the_text_unless_options_ask() -> None:
    found = VideoConfig(asked=("a dog", "a.mp4", "b.mp4"), checkpoint="m")
    assert (found.query_texts, found.video_paths) == (("a dog",), ("a.mp4", "b.mp4"))
    found = VideoConfig(asked=("a.mp4",), text=("a dog", "a cat"), image=("q.jpg",), checkpoint="m")
    assert (found.query_texts, found.video_paths) == (("a dog", "a cat"), ("a.mp4",))
    assert VideoConfig(asked=("a.mp4",), image=("q.jpg",), checkpoint="m").query_texts == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"asked": ("a dog",)}, 'expected "TEXT" VIDEO ...'),
        ({"asked": ()}, 'expected "TEXT" VIDEO ...'),
        ({"asked": (" ", "a.mp4")}, "a text that is not empty"),
        ({"num": 0}, "num must be at least 1, found 0"),
        ({"num": 1_001}, "num must be at most 1000, found 1001"),
        ({"every_s": 0.0}, "every_s must be at least 0.001, found 0.0"),
        ({"every_s": float("nan")}, "every_s must be at least 0.001, found nan"),
        ({"apart_s": -1.0}, "apart_s must be at least 0, found -1.0"),
        ({"max_hours": float("inf")}, "max_hours must be a finite number, found inf"),
    ],
    ids=["no-video", "nothing", "empty", "none", "many", "zero", "nan", "negative", "endless"],
)
def test_what_is_wrong_is_named(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        VideoConfig(**({"asked": ("a dog", "a.mp4"), "checkpoint": "m"} | options))


def test_a_video_in_the_place_of_the_text(tmp_path: Path) -> None:
    path = str(tmp_path)
    VideoConfig(asked=("a dog", path), checkpoint="m").check_paths()
    VideoConfig(asked=(path,), text=("a dog",), checkpoint="m").check_paths()
    VideoConfig(asked=("a dog that jumps, " * 20, path), checkpoint="m").check_paths()  # too long to be a file's name
    with pytest.raises(ValueError, match="the first word is what is looked for, found the path"):
        VideoConfig(asked=(path, path), checkpoint="m").check_paths()
