"""The encoders as a run's options ask for them: patch dropout, recomputed blocks, compiled blocks."""

import torch

from trainer.model.block_costs import choose_recomputed, measure
from trainer.model.blocks import blocks_of
from trainer.model.clip import CLIP
from trainer.model.compiled_blocks import compile_blocks
from trainer.model.patch_dropout import PatchDropout
from trainer.model.recompute import mark_blocks
from trainer.options.encoders import EncoderOptions

SHARE_OF_FREE = 0.85
"""Of a GPU's free memory that a batch may fill; the rest is for workspaces and for what fragmentation wastes."""
BYTES_A_WEIGHT = 12
"""Of gradient and Adam's two statistics, which are not there yet."""
EMA_BYTES = 4
"""Of a weight's average."""


def set_up_encoders(
    model: CLIP,
    options: EncoderOptions,
    seed: int,
    rows: int,
    autocast: torch.dtype | None = None,
    *,
    has_averages: bool = False,
) -> frozenset[str]:
    """Have `model` compute as the options ask; return the names of the blocks that are recomputed.

    Called before the model is sharded or given to DistributedDataParallel, the optimizer and Ema (`has_averages`: there
    will be one) are made. `rows` are the samples of one forward pass of a worker. Raises ValueError where
    `activation_gb` does not hold them.
    """
    if options.patch_dropout:
        model.patch_dropout = PatchDropout(options.patch_dropout, seed)
    blocks = blocks_of(model)
    recomputed: frozenset[str] = frozenset()
    if options.activation_checkpointing == "blocks":
        recomputed = frozenset(blocks)
    elif options.activation_checkpointing == "auto":
        recomputed = choose_recomputed(measure(model, autocast), rows, _budget_bytes(model, options, has_averages))
    mark_blocks(blocks, recomputed)
    if options.compile:
        compile_blocks(model)
    return recomputed


def _budget_bytes(model: CLIP, options: EncoderOptions, has_averages: bool) -> int:
    if options.activation_gb is not None:
        return int(options.activation_gb * 1e9)
    device = model.logit_scale.device
    if device.type != "cuda":
        raise ValueError("activation_checkpointing auto takes activation_gb on a CPU, found none")
    free, _ = torch.cuda.mem_get_info(device)
    weights = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    later = BYTES_A_WEIGHT + (EMA_BYTES if has_averages else 0)
    return max(0, int(SHARE_OF_FREE * free) - later * weights)
