"""Train in this process, alone or as one of `torchrun`'s."""

from dataclasses import replace

import torch.distributed as dist

from schemas.run_record import MANIFEST_FILE
from schemas.storage import Folder
from trainer.config import TrainConfig
from trainer.loop import train
from trainer.record.claim import Claim, claim_output
from trainer.record.resolved import resolve
from trainer.telling.open_sinks import check_sinks
from trainer.telling.reporter import Console, Silent
from trainer.telling.summary import summary
from trainer.workers.distributed import World, join_world, leave_world
from trainer.workers.interruption import SignalInterruption
from trainer.workers.stopped import end_stopped


def run(config: TrainConfig) -> None:
    """Train `config` as the processes that were started say, and print where things lie.

    SIGTERM to any of them saves a checkpoint and ends all with exit code 143; the same command goes on. After the last
    step it changes nothing: the run is finished.
    """
    config = resolve(config)
    check_sinks(config)
    world = join_world(use_gpu=config.device == "cuda", timeout_s=config.collective_timeout_s)
    config.check_shares(world.size)  # before the output is claimed
    console = Console() if world.first else Silent()
    folder = Folder(config.output)
    claim = _claim(config, folder, world)
    if claim is None:
        console.message(f"{folder.url} is finished already: nothing to do")
        leave_world(world)
        return
    interruption = SignalInterruption(world)
    try:
        train(config, world, console, interruption=interruption, claim=claim)
    finally:
        interruption.close()
        console.close()
    told = summary(folder) if world.first else None
    leave_world(world)
    if interruption.stopped and not folder.exists(MANIFEST_FILE):  # it may come when the last step is done
        end_stopped(folder, console)
    if told:
        console.message(told)


def _claim(config: TrainConfig, folder: Folder, world: World) -> Claim | None:
    """Claim the folder by the first worker, and tell all what it found; None in all where the run is finished."""
    claims: list[Claim | None] = [None]

    def claim() -> bytes:
        claims[0] = claim_output(config, folder, reads=True)
        return bytes([claims[0] is not None])

    if world.from_first(claim) == bytes([False]):
        return None
    if world.size > 1:
        told = [replace(claims[0], beginning=None) if claims[0] is not None else None]
        dist.broadcast_object_list(told, src=0, device=world.device)
        claims = claims if world.first else told
    return claims[0]
