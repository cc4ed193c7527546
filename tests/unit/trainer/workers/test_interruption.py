"""SIGTERM to one worker stops all of them after the same step."""

import os
import signal

import torch

from trainer.workers.distributed import World
from trainer.workers.interruption import NoInterruption, Notice, SignalInterruption


def test_a_signal_asks_to_stop_and_the_second_one_is_no_longer_ours() -> None:
    taken: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: taken.append(number))
    try:
        interruption = SignalInterruption(World(0, 1, torch.device("cpu")))
        assert interruption.asked() is Notice.NONE
        os.kill(os.getpid(), signal.SIGTERM)
        assert interruption.asked() is Notice.STOP
        assert taken == []
        os.kill(os.getpid(), signal.SIGTERM)
        assert taken == [signal.SIGTERM]
        interruption.close()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_nobody_gives_notice() -> None:
    assert NoInterruption().asked() is Notice.NONE
