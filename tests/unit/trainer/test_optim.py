"""Weight decay on weights only; cosine after a linear warm-up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.model.clip import CLIP
from trainer.optim.adamw import is_decayed, make_optimizer
from trainer.optim.schedule import learning_rate
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


def test_schedule_at_its_corners() -> None:
    def rate(samples: int) -> float:
        return learning_rate(samples, peak=1.0, warmup_samples=100, total_samples=1100)

    assert rate(0) == 0.0
    assert rate(50) == pytest.approx(0.5)
    assert rate(100) == pytest.approx(1.0)
    assert rate(600) == pytest.approx(0.5)
    assert rate(1100) == pytest.approx(0.0)
    assert rate(2000) == pytest.approx(0.0)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**6))
def test_rate_is_between_zero_and_peak(samples: int, warmup: int, total: int) -> None:
    assert 0 <= learning_rate(samples, peak=0.3, warmup_samples=warmup, total_samples=total) <= 0.3
