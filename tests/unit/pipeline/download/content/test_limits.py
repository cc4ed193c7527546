"""Limits of size, against img2dataset's own."""

import io

import pytest

from pipeline.download.content.limits import size_reason
from tests.support.download import picture


@pytest.mark.parametrize("size", [(31, 200), (32, 32), (32, 96), (32, 97), (97, 32), (40, 20)])
def test_what_is_rejected_is_what_img2dataset_rejects(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_ALBUMENTATIONS_UPDATE", "1")  # its import would ask the network
    from img2dataset.resizer import Resizer

    text = Resizer(16, "no", False, min_image_size=32, max_aspect_ratio=3)(io.BytesIO(picture(size=size)))[5]
    reasons = {None: None, "image too small": "image_too_small", "aspect ratio too large": "aspect_ratio_too_large"}
    assert size_reason(*size, 32, 3) == reasons[text]


def test_no_limit_is_no_reason() -> None:
    assert size_reason(1, 100_000, 0, None) is None
