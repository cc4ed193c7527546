"""How far a run goes."""

from trainer.presets import Recipe
from trainer.record.plan import make_plan


def test_plan_takes_whole_batches_and_warms_up_at_most_a_tenth() -> None:
    recipe = Recipe(learning_rate=1.0, beta2=0.9, eps=1e-8, warmup_steps=50, global_batch_size=8, epochs=2.5)
    plan = make_plan(recipe, 40)
    assert (plan.total_steps, plan.total_samples, plan.warmup_samples) == (12, 96, 8)
    assert make_plan(recipe, 4000).warmup_samples == 50 * 8
    assert make_plan(recipe, 1).total_steps == 1


def test_a_batch_larger_than_the_set_is_remarked() -> None:
    recipe = Recipe(learning_rate=1.0, beta2=0.9, eps=1e-8, global_batch_size=16, epochs=10.0)
    assert make_plan(recipe, 16).remark is None
    assert make_plan(recipe, 1, samples=160).remark == (
        "a batch of 16 is larger than the set of 1: each step takes every sample about 16.0 times, the run 160.0 epochs"
    )
