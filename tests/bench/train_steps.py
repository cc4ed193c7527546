"""Training steps to be timed: ours, transformers' in this process, open_clip's in a process of its own environment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import transformers

from tests.bench.peer_process import peer_process
from tests.support.foreign_models import transformers_config
from trainer.data.batch import Batch
from trainer.data.packed_texts import PackedTexts
from trainer.model.clip import CLIP
from trainer.optim.adamw import is_decayed, make_optimizer
from trainer.presets import ModelConfig, Preset
from trainer.step.step import train_step
from trainer.step.update import Updater
from trainer.workers.distributed import World

LEARNING_RATE = 1e-5
Step = Callable[[], torch.Tensor]
Steps = Callable[[int], float]
"""So many steps in, the seconds that they took out."""

OPEN_CLIP_NAMES = {
    "rn50": "RN50-quickgelu", "vit-b-32": "ViT-B-32-quickgelu", "vit-b-16": "ViT-B-16-quickgelu",
    "vit-l-14": "ViT-L-14-quickgelu",
}  # fmt: skip
"""Of the same geometry, activation included."""


def made_batch(config: ModelConfig, texts: PackedTexts) -> Batch:
    """Return noise as images."""
    draw = np.random.default_rng(0)
    shape = (texts.num, 3, config.image.image_px, config.image.image_px)
    return Batch(
        ids=np.arange(texts.num, dtype=np.int64),
        images_b3PP=torch.from_numpy(draw.integers(0, 256, shape, dtype=np.uint8)),
        captions=[""] * texts.num,
        texts=texts,
        replaced=0,
    )


def padded_tokens(config: ModelConfig, texts: PackedTexts) -> torch.Tensor:
    """Return ``[N, 77]`` as the peers take it: the end is the last of the vocabulary, by which they find it."""
    tokens, eos = texts.padded(config.text.context_length)
    tokens[torch.arange(len(tokens)), eos] = config.text.vocab_size - 1
    return tokens


def our_step(preset: Preset, batch: Batch, device: torch.device) -> Step:
    """Return the step of `trainer train`; images are bytes, copied from memory that is locked on a GPU."""
    model = CLIP(preset.model).to(device)
    if device.type == "cuda":
        batch = replace(batch, images_b3PP=batch.images_b3PP.pin_memory(), texts=batch.texts.pin_memory())
    if preset.recipe.batch_norm_rows is not None:
        model.lay_out(torch.channels_last)
    updater = Updater(model, make_optimizer(model, preset.recipe))
    world = World(0, 1, device)

    def step() -> torch.Tensor:
        loss, _ = train_step(
            model, updater, batch, world, step=1, global_batch_size=len(batch.images_b3PP),
            learning_rate=LEARNING_RATE, autocast=torch.bfloat16 if device.type == "cuda" else None,
        )  # fmt: skip
        return loss

    return step


def transformers_step(preset: Preset, batch: Batch, device: torch.device) -> Step:
    """Return a step over the same texts, padded to the context length, and normalised images."""
    model = transformers.CLIPModel(transformers_config(preset.model)).to(device).train()
    named, recipe = list(model.named_parameters()), preset.recipe
    groups = [
        {"params": [p for name, p in named if is_decayed(name, p) is decayed], "weight_decay": decay}
        for decayed, decay in ((True, recipe.weight_decay), (False, 0.0))
    ]
    optimizer = torch.optim.AdamW(
        groups, lr=LEARNING_RATE, betas=(recipe.beta1, recipe.beta2), eps=recipe.eps, fused=True
    )
    tokens = padded_tokens(preset.model, batch.texts)
    images = batch.images_b3PP.float().div_(127.5).sub_(1)
    if device.type == "cuda":
        tokens, images = tokens.pin_memory(), images.pin_memory()

    def step() -> torch.Tensor:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            found = model(
                input_ids=tokens.to(device, non_blocking=True),
                pixel_values=images.to(device, non_blocking=True),
                return_loss=True,
            )
        optimizer.zero_grad(set_to_none=True)
        found.loss.backward()
        optimizer.step()
        return found.loss.detach()

    return step


@contextmanager
def open_clip_steps(name: str, preset: Preset, batch: Batch, threads: int) -> Iterator[Steps]:
    """Yield open_clip's steps over the same texts; the process waits between them. Told are its versions."""
    with TemporaryDirectory() as folder:
        tokens = Path(folder) / "tokens.npy"
        np.save(tokens, padded_tokens(preset.model, batch.texts).numpy())
        recipe = preset.recipe
        told = {
            "model": name, "batch_size": batch.texts.num, "tokens": str(tokens),
            "threads": threads, "learning_rate": LEARNING_RATE, "weight_decay": recipe.weight_decay,
            "betas": [recipe.beta1, recipe.beta2], "eps": recipe.eps,
        }  # fmt: skip
        with peer_process("open_clip", "tests.peers.steps_open_clip", told) as steps:
            yield steps
