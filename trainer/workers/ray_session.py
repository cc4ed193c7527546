"""Ray as our commands use it: the cluster that RAY_ADDRESS names, else one of their own on this machine."""

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ray

from schemas.checked import first_line
from trainer.workers.counts import Workers
from trainer.workers.environment import QUIET, REPOSITORY
from trainer.workers.placement import describe_wait


def refuse_relative_paths(named: Iterable[tuple[str, str]]) -> None:
    """Raise ValueError for a relative path inside a Ray job: the job runs in an uploaded copy of the folder.

    `named` are options, as `--output`, with their paths or URLs.
    """
    if "RAY_JOB_CONFIG_JSON_ENV_VAR" not in os.environ:
        return
    for option, path in named:
        if "://" not in path and not Path(path).is_absolute():
            raise ValueError(
                f"{option} {path!r} is relative, but a Ray job runs in an uploaded copy of the working directory, "
                f'which is deleted with the job; give the absolute path, such as {option} "$PWD/{path}" typed in '
                "the directory where you call ray job submit"
            )


def start_ray(num_cpus: int, threads: int, *, otherwise: str) -> None:
    """Connect to the job's cluster, or start Ray here with `num_cpus`; `threads` are those of a worker's libraries.

    Raises OSError where Ray does not come up here; `otherwise` is what does without it.
    """
    environment = {
        "PYTHONPATH": os.pathsep.join(filter(None, [REPOSITORY, os.environ.get("PYTHONPATH", "")])),
        "OMP_NUM_THREADS": str(threads),
        **{name: os.environ[name] for name in QUIET},
    }
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if "RAY_ADDRESS" in os.environ:
        ray.init(runtime_env={"env_vars": environment}, **options)
        return
    os.environ.update(environment)  # a local Ray hands it on; a runtime environment would cost a start per worker
    try:
        ray.init(address="local", num_cpus=num_cpus, include_dashboard=False, **options)
    except Exception as error:  # Ray raises bare ones where a process of its own does not come up in time
        raise OSError(f"Ray did not start on this machine: {first_line(error)}; try again, or {otherwise}") from error


def describe_cluster_wait(waited_s: float, workers: Workers, per_worker: dict[str, float]) -> str:
    """Return what `describe_wait` says of the cluster as it is now."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return describe_wait(waited_s, workers, per_worker, nodes, ray.available_resources())
