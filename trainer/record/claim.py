"""The output of a run, claimed before anything is begun: by Ray's launcher, or by the first process without Ray."""

from schemas.run_record import start_run
from schemas.storage import Folder
from trainer.config import TrainConfig
from trainer.data.balance.chance_file import check_has_counts
from trainer.data.open_data import open_folders
from trainer.evaluate.evaluator import check_evaluated
from trainer.record.reached import check_reached, longest_plan
from trainer.record.run_record import training_record


def claim_output(config: TrainConfig, folder: Folder) -> bool:
    """Claim `folder` for the run of `config`; return False where this very run has finished there already.

    Raises ValueError or OSError for shards that it cannot be made of, for what it cannot be measured on, for options
    that a run of its length cannot fulfil, and as `start_run` does.
    """
    if config.balance == "online":
        check_has_counts([Folder(path) for path in config.shards])
    check_evaluated(config)
    shards = open_folders(config.shards)
    if (plan := longest_plan(config, shards)) is not None:
        check_reached(config, plan)
    return start_run(folder, training_record(config, shards))
