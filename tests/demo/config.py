"""Sizes and settings of the demo: the whole of it, and a smaller one for tests."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.demo.world import World

TIMEOUT_S = 10.0
"""Deadline of one request. A picture takes some 50 ms here, with all connections at work: a slow and busy machine keeps
it, too. Slow pages never come."""


@dataclass(frozen=True, kw_only=True)
class DemoConfig:
    """Run the whole way on small real input: queries, candidates, selection, shards, training, evaluation."""

    output: Path = Path("demo-output")
    """Folder for everything the demo makes; a second run resumes there."""
    size: Literal["full", "small"] = "full"
    """full: 14,500 pictures, about 10 minutes on two cores; small: 2,400 pictures and a few training steps, in
    which accuracy is not asked for."""
    seed: int = 0
    """Decides pictures, captions, page views, and the seeds of the commands."""

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, found {self.seed!r}")


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What follows from the size."""

    world: World
    max_pairs_per_query: int
    samples_per_shard: int
    epochs: float
    checkpoint_every_steps: int
    min_capped_queries: int = 20
    min_selected_pairs: int = 0
    accuracy_asked: bool = True


def scale(config: DemoConfig) -> Scale:
    """Return the world and the settings of the commands."""
    if config.size == "small":
        world = World(
            seed=config.seed, num_images=2_400, num_failing=20, num_without_query=60, num_duplicates=60,
            num_broken=5, num_evaluation=240,
        )  # fmt: skip
        return Scale(
            world=world, max_pairs_per_query=200, samples_per_shard=500, epochs=2, checkpoint_every_steps=5,
            accuracy_asked=False,
        )  # fmt: skip
    return Scale(
        world=World(seed=config.seed),
        max_pairs_per_query=1_200,
        samples_per_shard=2_000,
        epochs=10,
        checkpoint_every_steps=100,
        min_selected_pairs=12_000,
    )
