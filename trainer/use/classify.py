"""``trainer classify``: pictures and labels in, the labels' probabilities out, as CLIP's README does it.

Shapes: N pictures, K labels, E embedding.
"""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import torch

from schemas.existing_paths import is_file
from schemas.printable import printable, printable_json
from trainer.evaluate.class_names import ClassNames, class_of, name_key, read_classes
from trainer.evaluate.prompts import PLACE, read_templates
from trainer.use.bars import bar_lines
from trainer.use.classify_config import ClassifyConfig
from trainer.use.load import Loaded, load_chosen
from trainer.use.preprocess import Preprocess
from trainer.use.text_cache import cached_classes


def read_labels(labels: str) -> ClassNames:
    """Return the labels of a file, or of a text with commas. Raises FileNotFoundError or ValueError."""
    if is_file(labels):
        return read_classes(labels, "--labels")
    found = [label.strip() for label in labels.split(",")]
    if len(found) == 1 and (labels.endswith(".txt") or "/" in labels):
        raise FileNotFoundError(f"--labels: no such file {labels!r}; for labels alone put commas between them")
    if "" in found:
        raise ValueError(f"--labels: expected labels with commas between them, found an empty one in {labels!a}")
    names = [class_of(label, "--labels")[1] for label in found]
    found = [several[0] for several in names]
    keys = [name_key(label) for label in found]
    twice = next((label for place, label in enumerate(found) if keys[place] in keys[:place]), None)
    if twice is not None:
        raise ValueError(f"--labels: {twice!a} is given twice")
    return ClassNames(found, names, found)


def classify(config: ClassifyConfig) -> None:
    """Print the probabilities of each picture's labels. Raises ValueError where no picture can be used."""
    classes = read_labels(config.labels)
    templates = [PLACE] if config.templates is None else read_templates(config.templates)
    loaded = load_chosen(config)
    torch.set_num_threads(config.threads)
    classes_KE = cached_classes(
        loaded.model, loaded.tokenizer, classes, templates, batch_size=config.batch_size, cache_dir=config.cache_dir
    )
    num_used = 0
    for path, probabilities in probabilities_of(loaded, config.images, classes_KE, config.batch_size, config.threads):
        if isinstance(probabilities, str):
            print(f"skipped {printable(probabilities)}", file=sys.stderr)
            continue
        num_used += 1
        _show(config, path, sorted(zip(classes.titles, probabilities, strict=True), key=lambda row: -row[1]))
    if not num_used:
        raise ValueError(f"none of the {len(config.images)} IMAGEs can be used")


def probabilities_of(
    loaded: Loaded, paths: tuple[str, ...], classes_KE: torch.Tensor, batch_size: int, threads: int
) -> Iterator[tuple[str, list[float] | str]]:
    """Yield for each picture its path and its probabilities ``[K]``, or a line that says why it has none.

    The softmax of the cosines times the model's own scale; a batch of pictures is in memory at a time.
    """
    model = loaded.model
    scale = float(model.logit_scale.exp())

    def open_picture(path: str) -> torch.Tensor | str:
        return _opened(loaded.preprocess, path)

    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(paths), batch_size):
            batch = paths[start : start + batch_size]
            opened = list(pool.map(open_picture, batch))
            images = [image for image in opened if not isinstance(image, str)]
            rows: Iterator[list[float]] = iter(())
            if images:
                features_NE = model.encode_images(torch.stack(images))
                rows = iter((scale * features_NE @ classes_KE.T).softmax(dim=-1).tolist())
            for path, image in zip(batch, opened, strict=True):
                yield path, image if isinstance(image, str) else next(rows)


def _opened(preprocess: Preprocess, path: str) -> torch.Tensor | str:
    """Return a picture's pixels, or a line that says what is wrong with it."""
    try:
        return preprocess(path)
    except OSError as error:
        return f"{path}: {error.strerror or error}"
    except ValueError as fault:
        return str(fault)


def _show(config: ClassifyConfig, path: str, rows: list[tuple[str, float]]) -> None:
    if config.json:
        body = {"image": path, "labels": [{"label": label, "probability": share} for label, share in rows]}
        print(printable_json(body), flush=True)
        return
    print("\n".join([printable(path), *bar_lines(rows[: config.top], with_bars=sys.stdout.isatty())]), flush=True)
