"""A model's own mode is found again, and takes no memory."""

import torch
from torch._subclasses.fake_tensor import FakeTensor

from tests.support.small_clip import CONFIG
from trainer.model.clip import CLIP
from trainer.model.without_content import without_content


def test_the_mode_of_a_model_is_that_in_which_it_was_made() -> None:
    mode = without_content()
    with mode:
        model = CLIP(CONFIG)
    assert all(isinstance(parameter, FakeTensor) for parameter in model.parameters())
    assert without_content(model) is mode
    real = CLIP(CONFIG)
    assert without_content(real) is not without_content(real)
    with without_content(real):
        assert isinstance(real.logit_scale * torch.ones(()), FakeTensor)
