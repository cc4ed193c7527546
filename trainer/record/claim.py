"""The output of a run, claimed before anything is begun: by Ray's launcher, or by the first process without Ray.

What was looked up for it is handed to the workers, who look for nothing again: the shards are listed once a run.
"""

from dataclasses import dataclass
from typing import Any

from schemas.run_record import start_run
from schemas.storage import Folder
from trainer.config import TrainConfig
from trainer.data.balance.chance_file import check_has_counts
from trainer.data.open_data import ShardFolder, describe_inputs, open_folders
from trainer.evaluate.evaluator import check_evaluated
from trainer.record.reached import check_reached, longest_plan
from trainer.record.run_record import training_record
from trainer.record.unused_claim import free_unused
from trainer.weights.begin import Beginning, read_given_files


@dataclass
class Claim:
    """What a run is of, as it was found when its output was claimed."""

    shards: tuple[ShardFolder, ...]
    listed: tuple[dict[str, Any], ...]
    """What identifies them in the run's record."""
    beginning: Beginning | None = None
    """What others made, where it is read already: it goes to no other process."""

    def take_beginning(self) -> Beginning | None:
        """Return `beginning`, and hold it no longer: weights are not kept twice for the time of a run."""
        taken, self.beginning = self.beginning, None
        return taken


def find_shards(config: TrainConfig) -> Claim:
    """Return the shards of `config`, listed; what others made is not read. Raises as `open_folders`."""
    shards = open_folders(config.shards)
    return Claim(tuple(shards), tuple(describe_inputs(shards)))


def claim_output(config: TrainConfig, folder: Folder, *, reads: bool = False) -> Claim | None:
    """Claim `folder` for the run of `config`; return None where this very run has finished there already.

    A claim of other options that ended before it kept anything is taken over.

    What the run begins with is hashed, or with `reads` read for the training in this process. Raises ValueError or
    OSError for shards that it cannot be made of, for what it cannot be measured on, for options that a run of its
    length cannot fulfil, and as `start_run` does.
    """
    if config.balance == "online":
        check_has_counts([Folder(path) for path in config.shards])
    check_evaluated(config)
    claim = find_shards(config)
    if (plan := longest_plan(config, claim.shards)) is not None:
        check_reached(config, plan)
    claim.beginning = read_given_files(config) if reads else None
    given = claim.beginning.inputs if claim.beginning is not None else None
    record = training_record(config, claim.listed, given)
    free_unused(folder, record.command, record.identity)
    return claim if start_run(folder, record) else None
