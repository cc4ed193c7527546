"""How far a run goes, in steps and samples: the same for any number of workers."""

from dataclasses import dataclass

from trainer.presets import Recipe


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Step s takes places s*B .. (s+1)*B - 1 of the run's sequence of samples (see `trainer/data/order/`)."""

    num_samples: int
    """Of an epoch; where they are drawn for each, as many as are expected."""
    global_batch_size: int
    total_steps: int
    warmup_samples: int

    @property
    def total_samples(self) -> int:
        return self.total_steps * self.global_batch_size

    @property
    def remark(self) -> str | None:
        """What a user should know of a batch that is larger than the set; None for any other."""
        if self.global_batch_size <= self.num_samples:
            return None
        return (
            f"a batch of {self.global_batch_size:,} is larger than the set of {self.num_samples:,}: each step takes "
            f"every sample about {self.global_batch_size / self.num_samples:,.1f} times, the run "
            f"{self.total_samples / self.num_samples:,.1f} epochs"
        )


def make_plan(recipe: Recipe, num_samples: int, samples: int | None = None) -> Plan:
    """Return the plan: whole global batches only, so less than one batch of the run's end is left out.

    `samples` to see go before the recipe's epochs. The warm-up takes at most a tenth of the run.
    """
    wanted = int(recipe.epochs * num_samples) if samples is None else samples
    total_steps = max(1, wanted // recipe.global_batch_size)
    return Plan(
        num_samples=num_samples,
        global_batch_size=recipe.global_batch_size,
        total_steps=total_steps,
        warmup_samples=min(recipe.warmup_steps, total_steps // 10) * recipe.global_batch_size,
    )
