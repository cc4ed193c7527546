"""Run by the environment ``open_clip``: open_clip's encode loop over the same pairs, as often as it is asked.

Argument: a JSON object with `model` (open_clip's name), `batch_size`, `threads`, `images` (paths) and `captions`. It
prints what it is as a line of JSON. A line on stdin, `pairs` or `images`, has it embed them all: its own preprocessing
and tokenizer, features of length one, as its README does. The processor seconds that it took are printed.
"""

import json
import sys
import time

import tests.peers.torchvision_alone  # noqa: F401  (first of all)

# isort: split
import open_clip
import torch
from PIL import Image


def main() -> None:
    """Make the model, then embed."""
    told = json.loads(sys.argv[1])
    torch.set_num_threads(told["threads"])
    torch.manual_seed(0)
    model, _, preprocess = open_clip.create_model_and_transforms(told["model"])
    model.eval()
    tokenizer = open_clip.get_tokenizer(told["model"])
    size = told["batch_size"]

    def images(start: int) -> None:
        batch = torch.stack([preprocess(Image.open(path)) for path in told["images"][start : start + size]])
        model.encode_image(batch, normalize=True).numpy()

    def texts(start: int) -> None:
        model.encode_text(tokenizer(told["captions"][start : start + size]), normalize=True).numpy()

    versions = {"open_clip": open_clip.__version__, "torch": torch.__version__, "threads": torch.get_num_threads()}
    print(json.dumps(versions), flush=True)
    with torch.inference_mode():
        for line in sys.stdin:
            begin = time.process_time()
            for start in range(0, len(told["images"]), size):
                images(start)
                if line.strip() == "pairs":
                    texts(start)
            print(time.process_time() - begin, flush=True)


if __name__ == "__main__":
    main()
