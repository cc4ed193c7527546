"""What ``trainer detect evaluate`` refuses before it opens anything."""

import pytest

from trainer.detect.evaluate_config import DetectEvaluateConfig


@pytest.mark.parametrize("options", [{"most_iou": 2.0}, {"most": 0}, {"threads": 0}], ids=["iou", "most", "threads"])
def test_what_is_refused(options: dict) -> None:
    (name,) = options
    with pytest.raises(ValueError, match=f"{name} must be"):
        DetectEvaluateConfig(checkpoint="c", annotations="a", images="i", **options)
