"""Which way a run starts: by Ray, or in this process. Imports nothing that is slow before it is known."""

import os

from trainer.config import TrainConfig
from trainer.workers.environment import prepare_environment


def start(config: TrainConfig) -> None:
    """Train `config` the way that `--launcher` says."""
    if config.launcher == "none" or (config.launcher == "auto" and "TORCHELASTIC_RUN_ID" in os.environ):
        from trainer.workers.without_ray import run

        run(config)
    else:
        prepare_environment()
        from trainer.workers.launch import run as run_on_ray

        run_on_ray(config)
