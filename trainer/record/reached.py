"""What the options ask of steps that a run does not have: told as soon as the run's length is known.

Of shards with a manifest the launcher knows it before anything starts, of others the workers when they have an index.
"""

from collections.abc import Sequence

from schemas.manifest import MANIFEST_FILE, read_manifest
from trainer.config import TrainConfig
from trainer.data.open_data import ShardFolder
from trainer.optim.schedule import find_cooldown
from trainer.options.telling import check_profiled
from trainer.record.plan import Plan, make_plan
from trainer.telling.expected_loss import ExpectedLoss, expected_loss


def check_reached(config: TrainConfig, plan: Plan) -> None:
    """Raise ValueError for a cool-down, an expected loss or a profile beyond the end of the run."""
    find_cooldown(config, num_samples=plan.num_samples, total_samples=plan.total_samples)
    if (expected := find_expected_loss(config, plan)) is not None:
        expected.check_reached(plan.total_steps)
    if config.profile is not None:
        check_profiled(config.profile, plan.total_steps)


def find_expected_loss(config: TrainConfig, plan: Plan) -> ExpectedLoss | None:
    """Return where the loss of the run must lie early on, if it is said."""
    if config.expect_loss is None:
        return None
    warmup_steps = plan.warmup_samples // plan.global_batch_size
    return expected_loss(config.expect_loss, config.recipe, config.model_config.embed_dim, warmup_steps)


def longest_plan(config: TrainConfig, folders: Sequence[ShardFolder]) -> Plan | None:
    """Return the plan of the samples that the folders' manifests tell; None where one has none, or they are mixed.

    It may be longer than the run's: samples that were removed since are counted.
    """
    is_known = all(opened.folder.exists(MANIFEST_FILE) for opened in folders)
    if not is_known or config.weights or config.cap is not None:
        return None
    num_samples = sum(read_manifest(opened.folder, "shards")["rows"] for opened in folders)
    return make_plan(config.recipe, num_samples, config.samples)
