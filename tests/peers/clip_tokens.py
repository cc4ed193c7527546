"""Run by the environments ``open_clip`` and ``transformers``: the ids that their tokenizers give captions, as JSON.

Arguments: ``open_clip`` or ``transformers``, a JSON file with a list of texts, a file for the ids, and for transformers
the folder with ``vocab.json`` and ``merges.txt``.
"""

import json
import sys
from pathlib import Path


def main() -> None:
    """Write a list of ids a text, [SOS] and [EOS] included, cut to 77."""
    project, texts_path, output = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    texts = json.loads(texts_path.read_text())
    if project == "open_clip":
        import tests.peers.torchvision_alone  # noqa: F401  (before open_clip)

        # isort: split
        import open_clip

        rows = open_clip.get_tokenizer("ViT-B-32")(texts).tolist()
        ids = [row[: row.index(49407) + 1] for row in rows]
        told = {"vocabulary": str(Path(open_clip.__file__).with_name("bpe_simple_vocab_16e6.txt.gz"))}
    else:
        import transformers

        ids, told = [], {"version": transformers.__version__}
        for kind in (transformers.CLIPTokenizer, transformers.CLIPTokenizerFast):
            tokenizer = kind.from_pretrained(sys.argv[4])
            ids.append(tokenizer(texts, truncation=True, max_length=77)["input_ids"])
    output.write_text(json.dumps(ids))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
