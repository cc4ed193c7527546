"""What is compared: a reader that is off in pixels, in texts or in ids is refused, by name."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from tests.support.exported import VIT, read_drawn
from trainer.export.compare import TOLERANCE, compare
from trainer.use.load import Loaded, frozen


class Other:
    """A reader that changes what our model gives."""

    title = "other 1.0"

    def __init__(self, ours: Loaded, part: str = "", by: float = 0.0) -> None:
        self.ours, self.part, self.by = ours, part, by

    def image_features(self, images_N3PP: torch.Tensor) -> torch.Tensor:
        found_NE = self.ours.model.encode_images(images_N3PP)
        if self.part == "batch" and len(found_NE) == 5:
            return found_NE.roll(1, dims=0)
        return found_NE[:, :-1] if self.part == "shape" else found_NE + (self.by if self.part == "image" else 0)

    def text_features(self, texts: Sequence[str]) -> torch.Tensor:
        return self.ours.model.encode_texts(self.ours.tokenizer(list(texts))) + (self.by if self.part == "text" else 0)

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        found = self.ours.tokenizer(list(texts)).to_lists()
        return [row[:-1] if self.part == "ids" else row for row in found]


@pytest.fixture
def ours(tmp_path: Path) -> Loaded:
    return frozen(read_drawn(tmp_path, VIT), torch.device("cpu"), None)


def test_differences_are_parts_of_the_largest_value(ours: Loaded) -> None:
    found = compare(ours, Other(ours, "image", 1e-5))
    assert 1e-5 < found.images < TOLERANCE
    assert found.texts == 0.0
    assert compare(ours, Other(ours, "text", 1e-5)).texts > 1e-5


@pytest.mark.parametrize(
    ("part", "by", "message"),
    [
        ("image", 1e-3, r"image features of other 1\.0 differ by .* of the largest value, expected at most 1e-04"),
        ("text", 1e-3, r"text features of other 1\.0 differ by"),
        ("text", float("nan"), r"text features of other 1\.0 differ by nan"),
        ("batch", 0.0, r"image features of other 1\.0 differ by"),
        ("shape", 0.0, r"image features of other 1\.0: expected the shape \[1, 16\], found \[1, 15\]"),
        ("ids", 0.0, r"other 1\.0 gives 'a photo of a dog' the ids .*, expected .*nothing was written"),
    ],
)
def test_what_is_off_is_refused(ours: Loaded, part: str, by: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare(ours, Other(ours, part, by))
