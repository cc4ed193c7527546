"""Train under Ray: ``python trainer/run.py --shards DIR --model vit-b-32 --output DIR --num-workers N``.

Works uninstalled and from any directory. Inside a Ray job (or with RAY_ADDRESS) it uses that cluster, else it
starts Ray on this machine for the time of the run.
"""

import contextlib
import logging
import os
import secrets
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

REPOSITORY = str(Path(__file__).resolve().parents[1])
if REPOSITORY not in sys.path:
    sys.path.insert(0, REPOSITORY)
if sys.path and Path(sys.path[0] or ".").resolve() == Path(__file__).resolve().parent:
    del sys.path[0]  # python puts the script's folder first; its modules are imported as trainer.*

_QUIET = {
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
for _name, _value in _QUIET.items():
    os.environ.setdefault(_name, _value)  # read by Ray when it is imported
if "RAY_ADDRESS" not in os.environ:
    # Else Ray would write a token into the home folder, which need not be writable, and from then on every `ray start`
    # of this user would ask for it. This Ray ends with the run, and so may its token.
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    if "RAY_AUTH_TOKEN_PATH" not in os.environ:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))

import ray  # noqa: E402
import ray.train  # noqa: E402
import ray.train.torch  # noqa: E402
import torch  # noqa: E402
import tyro  # noqa: E402

from schemas.run_record import MANIFEST_FILE, start_run  # noqa: E402
from schemas.storage import Folder  # noqa: E402
from trainer.command_line import expected_errors  # noqa: E402
from trainer.config import TrainConfig  # noqa: E402
from trainer.metrics import TRAINING_FILE, Console  # noqa: E402
from trainer.ray_worker import Mailbox, train_worker  # noqa: E402

POLL_PROGRESS_EVERY_S = 0.5
MAX_WORKERS_PER_CPU = 4
"""More processes than this on a CPU only wait for each other."""


def refuse_relative_paths(config: TrainConfig) -> None:
    """Raise ValueError for a relative path inside a Ray job: the job runs in an uploaded copy of the folder."""
    if "RAY_JOB_CONFIG_JSON_ENV_VAR" not in os.environ:
        return
    for option, path in [("--output", config.output), *(("--shards", path) for path in config.shards)]:
        if "://" not in path and not Path(path).is_absolute():
            raise ValueError(
                f"{option} {path!r} is relative, but a Ray job runs in an uploaded copy of the working directory, "
                f'which is deleted with the job; give the absolute path, such as {option} "$PWD/{path}" typed in '
                "the directory where you call ray job submit"
            )


def check_resources(config: TrainConfig) -> None:
    """Raise ValueError when this machine cannot give what is asked; a cluster (RAY_ADDRESS) may still grow."""
    if "RAY_ADDRESS" in os.environ:
        return
    if config.device == "cuda" and torch.cuda.device_count() < config.num_workers:
        raise ValueError(
            f"--device cuda with --num-workers {config.num_workers} takes as many GPUs, this machine has "
            f"{torch.cuda.device_count()}; use --device cpu, fewer workers, or a cluster (RAY_ADDRESS)"
        )
    cpus = config.num_workers * config.cpus_per_worker
    if config.device == "cpu" and cpus > MAX_WORKERS_PER_CPU * (os.cpu_count() or 1):
        raise ValueError(
            f"--num-workers {config.num_workers} with --cpus-per-worker {config.cpus_per_worker} takes {cpus} CPUs, "
            f"this machine has {os.cpu_count()}; use fewer workers, or a cluster (RAY_ADDRESS)"
        )


def resolve(config: TrainConfig) -> TrainConfig:
    """Return the config with absolute paths and the device decided."""
    device = config.device if config.device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
    shards = tuple(Folder(path).url for path in config.shards)
    return replace(config, output=Folder(config.output).url, shards=shards, device=device)


def _deliver(mailbox: Any, console: Console) -> None:
    for call, arguments in ray.get(mailbox.take.remote()):
        getattr(console, call)(**arguments)


def _follow(mailbox: Any, console: Console, done: threading.Event) -> None:
    while not done.wait(POLL_PROGRESS_EVERY_S):
        try:
            _deliver(mailbox, console)
        except ray.exceptions.RayError:  # the cluster is going down; fit() tells why
            return


def start_ray(config: TrainConfig) -> None:
    """Connect to the job's cluster, or start Ray here with exactly the CPUs the workers ask for."""
    environment = {
        "PYTHONPATH": os.pathsep.join(filter(None, [REPOSITORY, os.environ.get("PYTHONPATH", "")])),
        "OMP_NUM_THREADS": str(config.cpus_per_worker),
        **{name: os.environ[name] for name in _QUIET},
    }
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if "RAY_ADDRESS" in os.environ:
        ray.init(runtime_env={"env_vars": environment}, **options)
        return
    os.environ.update(environment)  # a local Ray hands it on; a runtime environment would cost a start per worker
    num_cpus = config.num_workers * config.cpus_per_worker
    ray.init(address="local", num_cpus=num_cpus, include_dashboard=False, **options)


def run(config: TrainConfig) -> None:
    """Train `config` under Ray and print where things lie."""
    refuse_relative_paths(config)
    config = resolve(config)
    check_resources(config)
    folder = Folder(config.output)
    console = Console()
    if not start_run(folder, config.run_record()):
        console.message(f"{folder.url} is finished already: nothing to do")
        return
    start_ray(config)
    logging.getLogger("ray").setLevel(logging.ERROR)
    mailbox = ray.remote(num_cpus=0)(Mailbox).remote()
    trainer = ray.train.torch.TorchTrainer(
        train_worker,
        train_loop_config={"config": config, "mailbox": mailbox},
        scaling_config=ray.train.ScalingConfig(
            num_workers=config.num_workers,
            use_gpu=config.device == "cuda",
            resources_per_worker={"CPU": config.cpus_per_worker} | ({"GPU": 1} if config.device == "cuda" else {}),
        ),
        run_config=ray.train.RunConfig(
            name="ray",
            storage_path=folder.url,
            failure_config=ray.train.FailureConfig(max_failures=config.max_failures),
        ),
    )
    done = threading.Event()
    follower = threading.Thread(target=_follow, args=(mailbox, console, done), daemon=True)
    follower.start()
    try:
        trainer.fit()
    finally:
        done.set()
        follower.join()
        with contextlib.suppress(ray.exceptions.RayError):
            _deliver(mailbox, console)
        console.close()
        ray.shutdown()
    if folder.exists(MANIFEST_FILE) and folder.exists(TRAINING_FILE):
        told = folder.read_json(TRAINING_FILE)
        console.message(
            f"{told['step']:,} steps, {told['samples']:,} samples in {told['seconds']:.0f} s: "
            f"{told['samples_per_s']:,.0f} samples/s ({told['samples_per_s_per_worker']:,.0f} per worker), "
            f"loss {told['loss']:.3f}, logit scale {told['logit_scale']:.1f}, {told['replaced']} samples replaced\n"
            f"model {folder.url}/final, curves {folder.url}/metrics.csv, checkpoints {folder.url}/checkpoints"
        )


def main() -> None:
    """Read the command line and train; expected errors end with one line and exit code 2."""
    with expected_errors():
        run(tyro.cli(TrainConfig, prog="trainer/run.py", config=(tyro.conf.FlagConversionOff,)))


if __name__ == "__main__":
    main()
