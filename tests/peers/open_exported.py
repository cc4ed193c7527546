"""Run by the environment ``transformers``: what its own classes of CLIP make of an export, as JSON.

Arguments: the folder, a picture. Out: ids by both tokenizers and by the processor, labels with their shares by the
zero-shot pipeline.
"""

import json
import sys

import transformers
from PIL import Image

TEXTS = ["a red picture", "Two kites, it's été!"]
LABELS = ["a red picture", "a green picture"]


def main() -> None:
    """Open the folder by name of class, as CLIP's documentation does."""
    folder, picture = sys.argv[1:]
    options = {"truncation": True, "max_length": 12}
    ids = [
        kind.from_pretrained(folder)(TEXTS, **options)["input_ids"]
        for kind in (transformers.CLIPTokenizerFast, transformers.CLIPTokenizer)
    ]
    processor = transformers.CLIPProcessor.from_pretrained(folder)
    classify = transformers.pipeline("zero-shot-image-classification", model=folder)
    shares = classify(Image.open(picture), candidate_labels=LABELS, hypothesis_template="{}")
    body = {
        "ids": ids[0],
        "ids_of_slow": ids[1],
        "ids_of_processor": processor(text=TEXTS, **options)["input_ids"],
        "labels": {one["label"]: one["score"] for one in shares},
    }
    print(json.dumps(body))


if __name__ == "__main__":
    main()
