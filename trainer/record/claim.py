"""The output of a run, claimed before anything is begun: by Ray's launcher, or by the first process without Ray."""

from schemas.run_record import start_run
from schemas.storage import Folder
from trainer.config import TrainConfig
from trainer.data.balance.chance_file import check_has_counts
from trainer.data.open_data import open_folders
from trainer.record.run_record import training_record


def claim_output(config: TrainConfig, folder: Folder) -> bool:
    """Claim `folder` for the run of `config`; return False where this very run has finished there already.

    Raises ValueError or OSError for shards that it cannot be made of, and as `start_run` does.
    """
    if config.balance == "online":
        check_has_counts([Folder(path) for path in config.shards])
    return start_run(folder, training_record(config, open_folders(config.shards)))
