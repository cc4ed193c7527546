"""Which frames are taken: by time, whatever the rate, and after cuts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.drawn_scenes import CLASSES, draw_scene
from trainer.video.sampling import SMALL_PX, Sampler


def taken(times: list[float], every_s: float, pictures: list[np.ndarray] | None = None) -> list[int]:
    sampler = Sampler(every_s, pictures is not None)
    return [
        number for number, time_s in enumerate(times)
        if sampler.takes(time_s, lambda number=number: (pictures or [])[number])
    ]  # fmt: skip


@given(st.lists(st.integers(0, 400), unique=True), st.integers(1, 50))
def test_the_first_frame_of_each_stretch_that_has_one(quarters: list[int], every: int) -> None:
    quarters = sorted(quarters)
    found = taken([number / 4 for number in quarters], every / 4)
    first: dict[int, int] = {}
    for place, number in enumerate(quarters):
        first.setdefault(number // every, place)
    assert found == list(first.values())


def test_frames_that_come_late_are_in_no_new_stretch() -> None:
    assert taken([0.0, 5.0, 1.0, 2.0, 5.9, 6.0], 1.0) == [0, 1, 5]


def small(rng: np.random.Generator, name: str) -> np.ndarray:
    image = draw_scene(rng, [name], side_px=64, least_px=20, most_px=50).image
    return np.asarray(image.resize((SMALL_PX, SMALL_PX)))


def test_a_cut_is_taken_and_noise_is_none() -> None:
    rng = np.random.default_rng(0)
    pictures, cuts = [], []
    for shot in range(8):
        cuts.append(len(pictures))
        level = (40, 215)[shot % 2]
        still = np.full((SMALL_PX, SMALL_PX, 3), level) + rng.integers(-20, 21, size=(SMALL_PX, SMALL_PX, 3))
        pictures += [(still + rng.integers(-6, 7, size=still.shape)).astype(np.uint8) for _ in range(5)]
    assert taken([number / 25 for number in range(len(pictures))], 100.0, pictures) == cuts


def test_other_scenes_are_cuts() -> None:
    rng = np.random.default_rng(1)
    pictures = [small(rng, name) for name in CLASSES]
    found = taken([number / 25 for number in range(len(pictures))], 100.0, pictures)
    assert len(found) >= 0.7 * len(CLASSES), "scenes of the same kind on grounds alike are hard: not all are told"


def test_pictures_are_not_made_where_cuts_are_not_asked_for() -> None:
    def fail() -> np.ndarray:
        pytest.fail("asked for")

    assert Sampler(1.0, False).takes(0.0, fail)
