"""DistributedDataParallel's buckets as they stay, before the first step of a process.

It makes its buckets anew once in a process, from the order in which gradients arrived, and an element's place in its
bucket decides in which order three and more workers' gradients are added. So the first steps of a run that goes on
would round otherwise than the same steps of a run that was not disturbed.
"""

from contextlib import nullcontext

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from trainer.data.packed_texts import PackedTexts
from trainer.model.clip import CLIP
from trainer.step.grad_cache import running_statistics_kept
from trainer.step.random_state import random_state_kept

MADE_ROWS = 2
"""BatchNorm, trained, takes at least two."""
PASSES = 3
"""With `static_graph` the first finds which gradients come, the second in which order; the next begins with new buckets
(torch/csrc/distributed/c10d/reducer.cpp: `delay_all_reduce`, `push_rebuilt_params`, `_rebuild_buckets`)."""


def settle_buckets(wrapped: nn.Module, device: torch.device, *, autocast: torch.dtype | None = None) -> None:
    """Send made rows forward and back until all steps to come use the same buckets.

    All workers call it. Weights, gradients (none), statistics of BatchNorm and random draws are as before afterwards.
    """
    if not isinstance(wrapped, DistributedDataParallel):
        return
    model = wrapped.module
    assert isinstance(model, CLIP)
    px = model.config.image.image_px
    images_23PP = torch.zeros(MADE_ROWS, 3, px, px, dtype=torch.uint8, device=device)
    texts = PackedTexts.from_rows([[0, 0]] * MADE_ROWS).to(device)
    precision = nullcontext() if autocast is None else torch.autocast(device.type, dtype=autocast)
    places_2 = torch.arange(MADE_ROWS, device=device)
    eager = torch.compiler.set_stance("force_eager")  # else blocks would be compiled for these rows, too
    with random_state_kept(device), running_statistics_kept(model), eager:
        for _ in range(PASSES):
            with precision:
                outputs = wrapped(images_23PP, texts, places_2)
            sum(output.sum() for output in outputs if output.requires_grad).backward()
            wrapped.zero_grad(set_to_none=True)
