"""First losses of random weights lie in the derived range; features that know nothing never leave chance."""

import math

import pytest
import torch
from torch.nn.functional import normalize

from tests.support.small_clip import CONFIG, eager_loss, small_batch, small_clip
from trainer.presets import PRESETS
from trainer.telling.early_loss import FIRST_SCALE, LEAST_STEPS, NAMES, early_loss
from trainer.telling.expected_loss import expected_loss


def ranges(name: str, batch: int = 32_768, embed_dim: int = 512) -> dict[int, tuple[float, float]]:
    return early_loss(name, global_batch_size=batch, embed_dim=embed_dim, warmup_steps=2_000)


def test_the_papers_runs_begin_at_chance_and_are_below_it_after_the_warm_up() -> None:
    found = ranges("from-scratch")
    assert found[1] == pytest.approx((math.log(32_768) - 0.5, math.log(32_768) + 0.5 + FIRST_SCALE**2 / 1_024))
    assert found[2_000] == pytest.approx((0.0, 10.397 - 0.1), abs=1e-3)
    assert ranges("fine-tuning") == {1: found[2_000]}
    assert ranges("locked-image") == {2_000: found[2_000]}


def test_a_short_warm_up_is_not_the_time_to_have_learnt() -> None:
    for name in ("from-scratch", "locked-image"):
        found = early_loss(name, global_batch_size=64, embed_dim=512, warmup_steps=4)
        assert max(found) == LEAST_STEPS


@pytest.mark.parametrize("embed_dim", [64, 512])
def test_directions_at_random_give_the_mean_that_is_derived(embed_dim: int) -> None:
    generator = torch.Generator().manual_seed(0)
    images, texts = (normalize(torch.randn(512, embed_dim, generator=generator), dim=1) for _ in range(2))
    loss = float(eager_loss(images, texts, torch.tensor(FIRST_SCALE)))
    assert loss == pytest.approx(math.log(512) + FIRST_SCALE**2 / (2 * embed_dim), abs=0.15)
    lowest, highest = ranges("from-scratch", 512, embed_dim)[1]
    assert lowest < loss < highest


def test_random_weights_begin_in_the_range() -> None:
    model, batch = small_clip(), small_batch(64)
    images, texts, scale = model(batch.images_b3PP, batch.texts)
    lowest, highest = ranges("from-scratch", 64, CONFIG.embed_dim)[1]
    assert lowest < float(eager_loss(images, texts, scale)) < highest


@pytest.mark.parametrize("name", NAMES)
def test_chance_after_the_warm_up_is_a_broken_run(name: str) -> None:
    expected = expected_loss(name, PRESETS["vit-b-32"].recipe, 512, 2_000)
    step = max(ranges(name))
    assert expected.fault(step - 1, step, 8.0) is None
    fault = expected.fault(step - 1, step, math.log(32_768))
    assert fault is not None
    assert f"is 10.4, --expect-loss {name} expects 0 to 10.3 from step {step} on" in fault
