"""What ``trainer detect train`` refuses before it opens anything, and what is no part of a run's identity."""

import pytest

from schemas.run_options import identity_options
from trainer.detect.train_config import DetectTrainConfig

GIVEN = {"checkpoint": "c", "annotations": "a", "images": "i", "output": "o"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0.0}, "epochs must be above 0 and finite"),
        ({"learning_rate": float("inf")}, "learning_rate must be above 0 and finite, found inf"),
        ({"text_learning_rate": 0.0}, "text_learning_rate must be above 0"),
        ({"least_part": 0.0}, "least_part must be above 0 and at most 1"),
        ({"weight_decay": -1.0}, "weight_decay must be at least 0"),
        ({"num_negatives": 0}, "num_negatives must be at least 1"),
        ({"image_px": 0}, "image_px must be at least 1"),
    ],
    ids=["epochs", "rate", "text rate", "part", "decay", "negatives", "pixels"],
)
def test_what_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DetectTrainConfig(**GIVEN, **options)


def test_where_things_lie_and_how_often_it_is_told_is_no_part_of_the_identity() -> None:
    config = DetectTrainConfig(**GIVEN)
    left_out = set(vars(config)) - identity_options(config).keys()
    assert left_out == {
        "annotations", "checkpoint", "checkpoint_every_steps", "device", "images", "log_every_steps", "model", "output",
        "templates", "threads",
    }  # fmt: skip
