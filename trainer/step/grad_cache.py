"""The exact gradient of a batch whose activations do not fit (GradCache, arXiv 2101.06983; BASIC, arXiv 2111.10050).

Shapes: b rows of this worker, E embedding.

    pass 1   micro-batches forward, without graph  ->  features of all rows
    loss     over the global batch                 ->  gradients of the features, of scale and bias
    pass 2   micro-batches forward once more, each back from its features' gradients

The features are all that the rows of a batch have to do with one another, so the gradient is that of the whole batch.
Of ResNets it is that of another function than without micro-batches: BatchNorm sees the rows of one at a time. In pass
2 random draws are those of pass 1 and running statistics stay; workers exchange gradients in the last backward only.
Under FSDP all weights are gathered before pass 1 until then, as one worker may have fewer micro-batches than others.
The last micro-batch of pass 1 keeps its graph, so one forward pass is saved.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn
from torch.distributed.fsdp import FSDPModule
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from trainer.step.micro_batches import MicroBatch
from trainer.step.random_state import random_state, random_state_kept, set_random_state
from trainer.step.sharding import gathered, gradients_kept

Outputs = Sequence[torch.Tensor]
"""Of a model: features of images and of texts by row, then scale and bias of the logits."""
NUM_FEATURES = 2


def cached_backward(
    wrapped: nn.Module,
    pieces: Sequence[MicroBatch],
    device: torch.device,
    *,
    loss_of: Callable[[Outputs], torch.Tensor],
    scaled: Callable[[torch.Tensor], torch.Tensor],
    in_precision: Callable[[], AbstractContextManager[None]],
) -> torch.Tensor:
    """Add the gradient of the loss of the rows of all pieces to `.grad` of the parameters; return the loss, detached.

    `loss_of` is given the outputs for these rows in order; it is `scaled` before it goes backward. Forward passes run
    inside `in_precision()`.
    """
    model = wrapped
    if isinstance(wrapped, DistributedDataParallel):
        # it learns the graph from its first backward: workers with one micro-batch and with more would learn others
        assert not wrapped.static_graph, "micro-batches take DistributedDataParallel without static_graph"
        model = wrapped.module

    def forward(through: nn.Module, piece: MicroBatch) -> Outputs:
        with in_precision():
            outputs: Outputs = through(piece.images_m3PP, piece.texts, piece.places_m)
        return outputs

    with gathered(wrapped):
        recomputed = list(pieces[:-1]) or list(pieces)
        states, found = [], []
        with torch.no_grad():
            for piece in recomputed:
                states.append(random_state(device))
                found.append(forward(model, piece))
        kept = forward(model, pieces[-1]) if len(pieces) > 1 else None
        outputs_of_all = found if kept is None else [*found, kept]
        loss, gradients = _output_gradients(outputs_of_all, loss_of, scaled)
        if kept is not None:
            with _without_exchange(wrapped):
                _go_back(kept[:NUM_FEATURES], gradients[-1][:NUM_FEATURES])
        with random_state_kept(device), running_statistics_kept(model):
            for number, (piece, state) in enumerate(zip(recomputed, states, strict=True)):
                is_last = number == len(recomputed) - 1
                set_random_state(state, device)
                with nullcontext() if is_last else _without_exchange(wrapped):
                    outputs = forward(wrapped, piece)
                    last = len(outputs) if is_last else NUM_FEATURES
                    _go_back(outputs[:last], gradients[number][:last])
        return loss


def _output_gradients(
    found: Sequence[Outputs], loss_of: Callable[[Outputs], torch.Tensor], scaled: Callable[[torch.Tensor], torch.Tensor]
) -> tuple[torch.Tensor, list[Outputs]]:
    """Return the loss, and for each micro-batch the gradients of its features, then those of scale and bias by all."""
    with torch.no_grad():
        joined = [torch.cat(rows) for rows in list(zip(*found, strict=True))[:NUM_FEATURES]]
    leaves = [output.detach().requires_grad_() for output in (*joined, *found[-1][NUM_FEATURES:])]
    loss = loss_of(leaves)
    scaled(loss).backward()
    filled = [leaf.grad if leaf.grad is not None else torch.zeros_like(leaf) for leaf in leaves]
    sizes = [len(outputs[0]) for outputs in found]
    split = zip(*(gradient.split(sizes) for gradient in filled[:NUM_FEATURES]), strict=True)
    return loss.detach(), [(*rows, *filled[NUM_FEATURES:]) for rows in split]


def _go_back(outputs: Outputs, gradients: Outputs) -> None:
    """Back-propagate; an output of a locked part has no graph."""
    pairs = [pair for pair in zip(outputs, gradients, strict=True) if pair[0].requires_grad]
    if pairs:
        torch.autograd.backward([output for output, _ in pairs], [gradient for _, gradient in pairs])


def _without_exchange(wrapped: nn.Module) -> AbstractContextManager[None]:
    if isinstance(wrapped, DistributedDataParallel):
        return wrapped.no_sync()
    return gradients_kept(wrapped) if isinstance(wrapped, FSDPModule) else nullcontext()


@contextmanager
def running_statistics_kept(model: nn.Module) -> Iterator[None]:
    """Let BatchNorm see its batch without moving its running statistics."""
    moving = [
        module for module in model.modules()
        if isinstance(module, _BatchNorm) and module.training and module.track_running_stats
    ]  # fmt: skip
    for module in moving:
        module.track_running_stats = False
    try:
        yield
    finally:
        for module in moving:
            module.track_running_stats = True
