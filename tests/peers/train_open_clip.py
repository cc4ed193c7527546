"""Run by an environment of peers: open_clip's own training loop, fed by `ShardLoader`; its losses come out as JSON.

Arguments: a folder of shards, a number of steps. One epoch of open_clip is so many batches; after half of the steps the
loader's state goes to another loader, as after a kill, which gives the rest.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import open_clip
import torch
from open_clip_train.params import parse_args
from open_clip_train.train import train_one_epoch

from trainer.data import ShardLoader

MODEL, BATCH = "ViT-S-32-alt", 8


class Batches:
    """`ShardLoader` as open_clip's loop looks at a loader: some batches of images as numbers, and of tokens."""

    def __init__(self, shards: ShardLoader, num_batches: int, mean: Any, std: Any, tokenizer: Any) -> None:
        self.shards = shards
        self.num_batches, self.num_samples = num_batches, num_batches * shards.batch_size
        self._mean, self._std = (torch.tensor(value).view(1, 3, 1, 1) for value in (mean, std))
        self._tokenizer = tokenizer
        self.captions: list[str] = []

    @property
    def dataloader(self) -> "Batches":
        return self

    def set_epoch(self, epoch: int) -> None:
        """Nothing to do: the loader knows where it is."""

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for _, batch in zip(range(self.num_batches), self.shards, strict=False):
            self.captions += batch.captions
            yield (batch.images_b3PP / 255 - self._mean) / self._std, self._tokenizer(batch.captions)


def main() -> None:
    """Train half of the steps by one loader, half by another."""
    folder, steps = sys.argv[1], int(sys.argv[2])
    args = parse_args(["--precision", "fp32", "--log-every-n-steps", "1"])
    args.device, args.rank, args.local_rank, args.world_size, args.distill = "cpu", 0, 0, 1, False
    args.distributed, args.skip_scheduler, args.wandb = False, True, False
    torch.manual_seed(0)
    model, transform, _ = open_clip.create_model_and_transforms(MODEL, pretrained=None, output_dict=True)
    mean, std = transform.transforms[-1].mean, transform.transforms[-1].std
    losses: list[float] = []
    clip_loss = open_clip.ClipLoss()

    def loss(**features: Any) -> dict[str, torch.Tensor]:
        found = clip_loss(**features)
        losses.append(float(found["contrastive_loss"].detach()))
        return found

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    state, captions = None, []
    for half in range(2):
        shards = ShardLoader(folder, batch_size=BATCH, image_px=224, samples=steps * BATCH)
        if state is not None:
            shards.load_state_dict(state)
        batches = Batches(shards, steps // 2, mean, std, open_clip.get_tokenizer(MODEL))
        train_one_epoch(model, {"train": batches}, loss, half, optimizer, None, None, None, args)
        state = shards.state_dict()
        captions += batches.captions
    print(json.dumps({"losses": losses, "captions": captions, "torch": torch.__version__, "done": state["batches"]}))


main()
