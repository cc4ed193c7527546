"""The exponential moving average of a model's weights (Polyak, Juditsky 1992; as in timm's ModelEmaV3).

    ema = Ema(model, config.ema_decay)                   after weights are loaded, before DistributedDataParallel
    ema.update(model, step)                              after each optimizer step, counted from 1
    ema.state_dict()                                     ema.safetensors of a checkpoint, for load_state_dict
    with ema.applied_to(model): ...                      evaluates, or writes final-ema/

It is in float32 on the model's device whatever the weights are kept in, and never takes part in the training.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

from trainer.optim.shards import local

EMA_FILE = "ema.safetensors"


class Ema:
    """The average: of parameters and of BatchNorm's statistics; counters are those of the model."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Begin with the weights of `model`; `decay` is what is left of the past after a step."""
        self.decay = decay
        self._average = {name: _own(tensor) for name, tensor in model.state_dict().items()}

    def decay_at(self, step: int) -> float:
        """Return the decay of step `step`: less in the first ones, which would keep the untrained weights for long.

        (1 + step) / (10 + step), as in TensorFlow's ExponentialMovingAverage, up to `decay`.
        """
        return min(self.decay, (1 + step) / (10 + step))

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move towards the weights after step `step`: one call for all of them, nothing waits for the device."""
        averages, weights = [], []
        for name, weight in model.state_dict().items():
            average, weight = local(self._average[name]), local(weight)
            if average.is_floating_point():
                averages.append(average)
                weights.append(weight.to(average.dtype))
            else:
                average.copy_(weight)
        torch._foreach_lerp_(averages, weights, 1.0 - self.decay_at(step))

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Return the averages, by the names of the model's state; they change with the next update."""
        return dict(self._average)

    def load_state_dict(self, tensors: Mapping[str, torch.Tensor], where: str) -> None:
        """Take up the averages of a checkpoint, read from `where`. Raises ValueError for another model's."""
        if tensors.keys() != self._average.keys():
            other = sorted(tensors.keys() ^ self._average.keys())[0]
            raise ValueError(
                f"{where}: expected the averages of this model's weights, {other!r} is in one of both alone"
            )
        for name, average in self._average.items():
            if tensors[name].shape != average.shape:
                raise ValueError(
                    f"{where}: {name} must have shape {list(average.shape)}, found {list(tensors[name].shape)}"
                )
            average.copy_(tensors[name])

    @contextmanager
    def applied_to(self, model: nn.Module) -> Iterator[None]:
        """Have the averages as the model's weights inside; afterwards its own are back, to the bit."""
        state = model.state_dict()
        own = {name: tensor.clone() for name, tensor in state.items()}
        with torch.no_grad():
            for name, tensor in state.items():
                tensor.copy_(self._average[name])
            try:
                yield
            finally:
                for name, tensor in state.items():
                    tensor.copy_(own[name])


def _own(tensor: torch.Tensor) -> torch.Tensor:
    """Return a copy, of halves in float32."""
    dtype = torch.float32 if tensor.dtype in (torch.bfloat16, torch.float16) else tensor.dtype
    return tensor.detach().to(dtype, copy=True)
