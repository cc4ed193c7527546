"""Weight decay on weights only."""

import pytest

from trainer.model.clip import CLIP
from trainer.optim.adamw import is_decayed, make_optimizer
from trainer.presets import PRESETS


@pytest.mark.parametrize("name", ["rn-tiny", "vit-tiny"])
def test_only_weights_decay(name: str) -> None:
    model = CLIP(PRESETS[name].model)
    spared = {n for n, parameter in model.named_parameters() if not is_decayed(n, parameter)}
    for n, parameter in model.named_parameters():
        last = n.rsplit(".", 1)[-1]
        gain = last == "weight" and parameter.ndim == 1
        expected = gain or last in ("bias", "positional_embedding", "class_embedding", "logit_scale")
        assert (n in spared) == expected, n
    groups = make_optimizer(model, PRESETS[name].recipe).param_groups
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    assert [group["weight_decay"] for group in groups] == [PRESETS[name].recipe.weight_decay, 0.0]
    assert len(groups[1]["params"]) == len(spared)
