"""Run by an environment of peers: a shards folder in, the captions open_clip's training loader gives out, as JSON.

Two workers; the loader is the one that ``open_clip_train.main`` builds from its arguments.
"""

import json
import sys
from pathlib import Path

import tests.peers.torchvision_alone  # noqa: F401  (first of all)

# isort: split
import open_clip
import torch
from open_clip_train.data import get_data
from open_clip_train.params import parse_args


def captions_of(folder: str, num_samples: int, is_train: bool) -> list[str]:
    """Return the captions of one epoch."""
    tars = sorted(str(path) for path in Path(folder).glob("*.tar"))
    kind = "train" if is_train else "val"
    args = parse_args([
        "--dataset-type", "webdataset", "--workers", "2", "--batch-size", "2", f"--{kind}-data", "::".join(tars),
        f"--{kind}-num-samples", str(num_samples),
    ])  # fmt: skip
    args.distributed, args.world_size, args.rank = False, 1, 0
    _, of_train, of_val = open_clip.create_model_and_transforms("RN50", pretrained=None, image_resize_mode="shortest")
    seen: list[str] = []

    def tokenizer(text: str) -> torch.Tensor:
        encoded = text.encode()[:200]
        return torch.tensor([[*encoded, *[0] * (200 - len(encoded))]])

    loader = get_data(args, (of_train, of_val), epoch=0, tokenizer=tokenizer)[kind].dataloader
    for images, texts in loader:
        assert images.shape[1:] == (3, 224, 224), images.shape
        seen += [bytes(row.tolist()).rstrip(b"\0").decode() for row in texts]
    return seen


def main() -> None:
    """Read as training and as validation do."""
    folder, num_samples = sys.argv[1], int(sys.argv[2])
    print(json.dumps({"train": captions_of(folder, num_samples, True), "val": captions_of(folder, num_samples, False)}))


if __name__ == "__main__":
    main()
