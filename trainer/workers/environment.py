"""What Ray and its libraries read of the environment when they are imported: set before they are."""

import os
import secrets
from pathlib import Path

REPOSITORY = str(Path(__file__).resolve().parents[2])
"""The folder of the packages, for workers that run uninstalled."""

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    "RAY_TRAIN_ENABLE_CONTROLLER_STRUCTURED_LOGGING": "0",
    "RAY_TRAIN_ENABLE_WORKER_STRUCTURED_LOGGING": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TOKENIZERS_PARALLELISM": "false",
}


def prepare_environment() -> None:
    """Quieten Ray, and give a Ray of this machine a token of its own. What the user set stays."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if "RAY_ADDRESS" not in os.environ:
        # Else Ray would write a token into the home folder, which need not be writable, and from then on every `ray
        # start` of this user would ask for it. This Ray ends with the run, and so may its token.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        if "RAY_AUTH_TOKEN_PATH" not in os.environ:
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
