"""Start a training run under Ray and follow it to its end. Imported when `trainer.environment` is prepared."""

import contextlib
import logging
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
import ray.train
import ray.train.torch
import torch

from schemas.json_object import JsonObject
from schemas.run_record import MANIFEST_FILE, start_run
from schemas.storage import Folder
from trainer.config import TrainConfig
from trainer.data.balance.chance_file import check_has_counts
from trainer.data.open_data import open_folders
from trainer.environment import QUIET, REPOSITORY
from trainer.metrics import TRAINING_FILE
from trainer.ray_worker import Mailbox, train_worker
from trainer.reporter import Console
from trainer.run_record import training_record

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
        **{name: os.environ[name] for name in QUIET},
    }
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if "RAY_ADDRESS" in os.environ:
        ray.init(runtime_env={"env_vars": environment}, **options)
        return
    os.environ.update(environment)  # a local Ray hands it on; a runtime environment would cost a start per worker
    num_cpus = config.num_workers * config.cpus_per_worker
    ray.init(address="local", num_cpus=num_cpus, include_dashboard=False, **options)


def _drawn(told: JsonObject) -> str:
    """Return a line on the sizes of the epochs where samples were drawn for each."""
    if "balance" not in told:
        return ""
    expected, drawn = sum(told["balance"]["expected"]), told["balance"]["drawn"]
    sources = "; ".join(f"{min(sizes):,} to {max(sizes):,} in {len(sizes)} epochs" for sizes in drawn if sizes)
    return f"online balancing with cap {told['balance']['cap']:,}: {expected:,} samples expected an epoch, {sources}\n"


def run(config: TrainConfig) -> None:
    """Train `config` under Ray and print where things lie."""
    refuse_relative_paths(config)
    config = resolve(config)
    check_resources(config)
    folder = Folder(config.output)
    console = Console()
    if config.balance == "online":
        check_has_counts([Folder(path) for path in config.shards])
    if not start_run(folder, training_record(config, open_folders(config.shards))):
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
            f"{_drawn(told)}"
            f"model {folder.url}/final, curves {folder.url}/metrics.csv, checkpoints {folder.url}/checkpoints"
        )
