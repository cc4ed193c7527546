"""What training changes on a worker, and a checkpoint gives back."""

from dataclasses import dataclass

import torch

from trainer.model.clip import CLIP
from trainer.optim.ema import Ema
from trainer.optim.loss_scale import LossScaler


@dataclass(frozen=True)
class Trained:
    """What training changes on a worker."""

    model: CLIP
    optimizer: torch.optim.Optimizer
    ema: Ema | None = None
    scaler: LossScaler | None = None
