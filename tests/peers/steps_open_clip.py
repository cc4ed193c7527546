"""Run by the environment ``open_clip``: open_clip's training step, taken as often as it is told.

Argument: a JSON object with `model` (open_clip's name), `batch_size`, `threads`, `learning_rate`, `weight_decay`,
`betas`, `eps`, `tokens` (a .npy file, ``[N, 77]``). It prints what it is as a line of JSON. Each line on stdin is a
number of steps; the seconds that they took are printed, of the clock on a GPU, of the processor without one.

The step is that of ``open_clip_train.train.train_one_epoch`` with ``--precision amp_bf16`` (float32 on a CPU), one
process and no accumulation: copies of images (float32) and tokens, forward, ClipLoss, backward, the fused AdamW, the
clamp of the scale.
"""

import json
import math
import sys
import time

import tests.peers.torchvision_alone  # noqa: F401  (first of all)

# isort: split
import numpy as np
import open_clip
import torch


def main() -> None:
    """Make the model, then take steps."""
    told = json.loads(sys.argv[1])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(told["threads"])
    torch.manual_seed(0)
    if device.type == "cuda":  # as open_clip_train.main
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.deterministic = False
    model = open_clip.create_model(told["model"], device=device).train()
    decayed = [p for name, p in model.named_parameters() if _is_decayed(name, p)]
    others = [p for name, p in model.named_parameters() if not _is_decayed(name, p)]
    groups = [{"params": others, "weight_decay": 0.0}, {"params": decayed, "weight_decay": told["weight_decay"]}]
    optimizer = torch.optim.AdamW(
        groups, lr=told["learning_rate"], betas=tuple(told["betas"]), eps=told["eps"], fused=True
    )
    loss_of = open_clip.ClipLoss(local_loss=True, gather_with_grad=True, cache_labels=True)
    size = model.visual.image_size
    px = size[0] if isinstance(size, tuple) else size
    images = torch.randn(told["batch_size"], 3, px, px)
    tokens = torch.from_numpy(np.load(told["tokens"]))
    if device.type == "cuda":
        images, tokens = images.pin_memory(), tokens.pin_memory()

    def step() -> torch.Tensor:
        on_device = images.to(device, non_blocking=True), tokens.to(device, non_blocking=True)
        optimizer.zero_grad()
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            found = model(*on_device)
            loss = loss_of(*found[:3])
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
        return loss.detach()

    step()
    versions = {"open_clip": open_clip.__version__, "torch": torch.__version__}
    print(json.dumps(versions | {"device": device.type}), flush=True)
    for line in sys.stdin:
        now = time.perf_counter if device.type == "cuda" else time.process_time
        began = now()
        for _ in range(int(line)):
            loss = step()
        assert torch.isfinite(loss)  # waits for the device
        print(now() - began, flush=True)


def _is_decayed(name: str, parameter: torch.Tensor) -> bool:
    """Tell as open_clip_train.main does which weights decay."""
    return parameter.ndim >= 2 and not any(part in name for part in ("bn", "ln", "bias", "logit_scale"))


if __name__ == "__main__":
    main()
