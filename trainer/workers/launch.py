"""Start a training run under Ray and follow it to its end. Imported when `trainer.workers.environment` is prepared."""

import contextlib
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import ray
import ray.train
import ray.train.torch
import torch
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from schemas.checked import first_line
from schemas.storage import Folder
from trainer.config import TrainConfig
from trainer.data.decode.device import check_decodes
from trainer.record.claim import claim_output
from trainer.record.resolved import named_paths, resolve
from trainer.telling.open_sinks import check_sinks
from trainer.telling.reporter import Console
from trainer.telling.summary import summary
from trainer.workers.counts import format_workers, least_workers, most_workers
from trainer.workers.cpu_share import with_cpus
from trainer.workers.head_watch import HEAD_GONE_S, HeadWatch
from trainer.workers.interruption import TermSignal
from trainer.workers.placement import FIRST_TOLD_S, TOLD_AGAIN_S
from trainer.workers.ray_mailbox import Mailbox
from trainer.workers.ray_session import describe_cluster_wait, refuse_relative_paths, start_ray
from trainer.workers.ray_worker import train_worker
from trainer.workers.stalls import BEAT_S, describe
from trainer.workers.stopped import end_stopped

POLL_PROGRESS_EVERY_S = 0.5
LOOKS_A_BEAT = int(BEAT_S / POLL_PROGRESS_EVERY_S)
"""Stalls are looked for every so many times that progress is."""
NOBODY_SAVES_S = 5.0
"""After SIGTERM a run ends that has had no worker for so long."""
WORKER_TITLE = b"RayTrainWorker"
"""What stands in the command line of each process that `kill_worker` may end."""
MAX_WORKERS_PER_CPU = 4
"""More processes than this on a CPU only wait for each other."""


def given_paths(config: TrainConfig) -> list[tuple[str, str]]:
    """Return the options that name files, each with what it names."""
    return [*named_paths(config), *(("--shards", path) for path in config.shards)]


def check_resources(config: TrainConfig) -> None:
    """Raise ValueError when this machine cannot give what is asked; a cluster (RAY_ADDRESS) may still grow."""
    if "RAY_ADDRESS" in os.environ:
        return
    if config.decode == "gpu":  # on a cluster the workers look for it
        check_decodes(config.device)
    asked = format_workers(config.num_workers)
    if config.device == "cuda" and torch.cuda.device_count() < least_workers(config.num_workers):
        raise ValueError(
            f"--device cuda with --num-workers {asked} takes as many GPUs, this machine has "
            f"{torch.cuda.device_count()}; use --device cpu, fewer workers, or a cluster (RAY_ADDRESS)"
        )
    cpus = most_workers(config.num_workers) * config.cpus_per_worker
    if config.device == "cpu" and cpus > MAX_WORKERS_PER_CPU * (os.cpu_count() or 1):
        raise ValueError(
            f"--num-workers {asked} with --cpus-per-worker {config.cpus_per_worker} takes {cpus} CPUs, "
            f"this machine has {os.cpu_count()}; use fewer workers, or a cluster (RAY_ADDRESS)"
        )


def share_cluster(config: TrainConfig) -> TrainConfig:
    """Return the config with the CPUs of a worker where it gives none: the least that a GPU of the cluster has.

    Where no node with a GPU is up yet, one.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    shares = [int(node.get("CPU", 1) // node["GPU"]) for node in nodes if node.get("GPU")]
    return with_cpus(config, min(shares, default=1), 1)


def _deliver(mailbox: Any, console: Console) -> None:
    for call, arguments in ray.get(mailbox.take.remote()):
        getattr(console, call)(**arguments)


def _follow(mailbox: Any, console: Console, done: threading.Event, config: TrainConfig, term: TermSignal) -> None:
    head = HeadWatch(ray.get_runtime_context().gcs_address) if "RAY_ADDRESS" in os.environ else None
    looks, told_s, is_told, is_heard = 0, 0.0, False, True
    while not done.wait(POLL_PROGRESS_EVERY_S):
        looks += 1
        is_beat = looks % LOOKS_A_BEAT == 0
        if is_beat and head is not None and head.is_gone():
            _end_without_head(console, config)
        if not is_heard:
            continue
        try:
            _deliver(mailbox, console)
            if term.told:
                is_told = is_told or _tell_to_stop(mailbox, console)
                if ray.get(mailbox.waited_s.remote()) > NOBODY_SAVES_S:
                    signal.raise_signal(signal.SIGUSR1)
            if is_beat:
                told_s = _tell_wait(mailbox, console, config, told_s)
            if config.stall_s and is_beat:
                _end_stall(mailbox, console, config.stall_s)
        except ray.exceptions.RayError:  # the cluster is going down; fit() tells why, or the head is gone
            is_heard = False


def _end_without_head(console: Console, config: TrainConfig) -> None:
    """End this process at once: Ray's own calls wait for the head, then end it by a line that tells nothing."""
    console.close()
    told = (
        f"error: the cluster's head has not answered for {HEAD_GONE_S:.0f} s; once one is up "
        f"the same command goes on from the last checkpoint in {config.output}"
    )
    print(told, file=sys.stderr, flush=True)
    os._exit(2)


def _tell_to_stop(mailbox: Any, console: Console) -> bool:
    ray.get(mailbox.stop.remote())
    console.message("SIGTERM: the workers save and stop; a second one ends them as they are")
    return True


def _tell_wait(mailbox: Any, console: Console, config: TrainConfig, told_s: float) -> float:
    """Tell what a cluster lacks that gives the run no workers, or end it; return after what wait that was told last."""
    waited_s = ray.get(mailbox.waited_s.remote())
    is_over = 0 < config.start_timeout_s <= waited_s
    if not is_over and waited_s < (told_s + TOLD_AGAIN_S if told_s else FIRST_TOLD_S):
        return told_s if waited_s > told_s else 0.0
    told = describe_cluster_wait(waited_s, config.num_workers, _resources(config))
    if is_over and console.error is None:
        console.stopped(f"{told}; --start-timeout-s is {config.start_timeout_s:g}")
        signal.raise_signal(signal.SIGUSR1)
    elif not is_over:
        console.message(told)
    return waited_s


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Leave `fit`: what waits in Ray lets this exception through alone. Ray's own abort waits for the workers, too."""
    raise KeyboardInterrupt


def _end_stall(mailbox: Any, console: Console, stall_s: float) -> None:
    """Kill the workers that hold up all others, if there are any: Ray then starts all again from the checkpoint."""
    culprits, now_s = ray.get(mailbox.stalled.remote(stall_s))
    if not culprits:
        return
    console.message(f"{describe(culprits, now_s)}; ended")
    for culprit in culprits:
        where = NodeAffinitySchedulingStrategy(culprit.beat.node, soft=False)
        killed = ray.remote(num_cpus=0, max_retries=0)(kill_worker).options(scheduling_strategy=where)
        ray.wait([killed.remote(culprit.beat.process)], timeout=stall_s)  # a node that is gone needs no killing


def kill_worker(process: int) -> bool:
    """End the worker with this process number on this machine, frozen or not; tell whether it was one."""
    try:
        if WORKER_TITLE not in Path(f"/proc/{process}/cmdline").read_bytes():
            return False
    except OSError:
        return False
    os.kill(process, signal.SIGKILL)
    return True


def _resources(config: TrainConfig) -> dict[str, float]:
    """Return what of a cluster a worker is given."""
    return {"CPU": float(config.cpus_per_worker)} | ({"GPU": 1.0} if config.device == "cuda" else {})


# To type checkers `ray.train` has the options of its first version.
def _scaling(config: TrainConfig) -> dict[str, Any]:
    return {
        "num_workers": config.num_workers,
        "use_gpu": config.device == "cuda",
        "resources_per_worker": _resources(config),
        "elastic_resize_monitor_interval_s": config.resize_every_s,
    }


def run(config: TrainConfig) -> None:
    """Train `config` under Ray and print where things lie."""
    refuse_relative_paths(given_paths(config))
    config = resolve(config)
    check_resources(config)
    folder = Folder(config.output)
    console = Console()
    check_sinks(config)
    claim = claim_output(config, folder)
    if claim is None:
        console.message(f"{folder.url} is finished already: nothing to do")
        return
    num_cpus = most_workers(config.num_workers) * config.cpus_per_worker
    start_ray(num_cpus, config.cpus_per_worker or 1, otherwise="--launcher none")
    config = share_cluster(config)
    logging.getLogger("ray").setLevel(logging.ERROR)
    mailbox = ray.remote(num_cpus=0)(Mailbox).remote(claim)
    trainer = ray.train.torch.TorchTrainer(
        train_worker,
        train_loop_config={"config": config, "mailbox": mailbox},
        torch_config=ray.train.torch.TorchConfig(timeout_s=int(config.collective_timeout_s)),
        scaling_config=ray.train.ScalingConfig(**_scaling(config)),
        run_config=ray.train.RunConfig(
            name="ray",
            storage_path=folder.url,
            # not relax_collectives_on_preemption: a worker that is to go would then wait in Ray's barrier for ever, as
            # the others were let through without it, and they for its gradients. Such restarts are not limited.
            failure_config=ray.train.FailureConfig(max_failures=config.max_failures),
        ),
    )
    done = threading.Event()
    signal.signal(signal.SIGUSR1, _interrupt)
    term = TermSignal()  # after Ray's own, which ends the process at once
    follower = threading.Thread(target=_follow, args=(mailbox, console, done, config, term), daemon=True)
    follower.start()
    try:
        trainer.fit()
    except KeyboardInterrupt:
        if console.error is None and not term.told:
            raise
    except (ray.exceptions.RayActorError, ray.exceptions.RaySystemError) as error:
        raise OSError(
            f"Ray lost the process that leads the run ({first_line(error)}); the same command goes on from the last "
            "checkpoint, once the cluster's head is up"
        ) from error
    finally:
        done.set()
        follower.join()
        with contextlib.suppress(ray.exceptions.RayError):
            _deliver(mailbox, console)
        term.close()
        console.close()
        ray.shutdown()
    if console.error is not None:
        raise ValueError(console.error)
    told = summary(folder)
    if told is not None:
        console.message(told)
    elif term.told:
        end_stopped(folder, console)
