"""``trainer export``: a model in, a folder that another program opens out, compared and described.

Memory: the weights three times, in float32: as read, as written or opened by the other program, and while it computes.
"""

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from schemas.manifest import CARD_FILE
from schemas.printable import printable
from schemas.storage import Folder
from trainer.export.card.card import CardFacts, card_text
from trainer.export.card.evaluations import read_evaluations
from trainer.export.card.training import measured_lines, training_lines
from trainer.export.compare import Comparison, Reader, compare
from trainer.export.config import ExportConfig, Format
from trainer.export.output_folder import appearing, check_output
from trainer.use.load import Loaded, frozen
from trainer.weights.find_weights import find_weights
from trainer.weights.geometry_differences import differences
from trainer.weights.read_model import ReadModel, read_model


@dataclass(frozen=True)
class _Way:
    """How a format is written and read."""

    write: str
    """Module and function; it returns the names of tensors that are left out."""
    reader: str
    """Module and class."""
    package: str
    """Without which it is not compared."""
    needs: tuple[str, ...] = ()
    """Packages without which it is not written."""


WAYS: dict[Format, _Way] = {
    "transformers": _Way(
        "trainer.export.write_folder:write_for_transformers", "trainer.export.read_back:TransformersReader",
        "transformers",
    ),
    "open_clip": _Way(
        "trainer.export.write_folder:write_for_open_clip", "trainer.export.read_back:OpenClipReader", "open_clip",
    ),
    "onnx": _Way(
        "trainer.export.write_onnx:write_onnx", "trainer.export.read_onnx:OnnxReader", "onnxruntime",
        needs=("onnx", "onnxscript"),
    ),
    "safetensors": _Way(
        "trainer.export.write_folder:write_for_us", "trainer.export.read_back:OurReader", "trainer",
    ),
}  # fmt: skip


def export(config: ExportConfig) -> None:
    """Write, compare and describe the model, and print what was found.

    Raises OSError or ValueError, one line, where the model cannot be had, the format has no place for it, or what was
    written gives other features; then no folder is left.
    """
    path, way = check_output(config.output), WAYS[config.format]
    _check_packages(way, config.format)
    averaged = config.weights == "ema"
    read = read_model(config.checkpoint, "CHECKPOINT", averaged=averaged, model=config.model)
    ours = frozen(read, torch.device("cpu"), None)
    measured = read_evaluations(config.evaluation, ours.model.fingerprint if config.evaluation else "")
    with appearing(path) as folder:
        _say(f"writing for {config.format}")
        left_out = _named(way.write)(folder, read)
        if config.format != "onnx":
            _check_weights(read, folder, left_out)
        _say(f"comparing with {way.package}")
        comparison = _compared(way, folder, ours)
        training, while_training = _history(config, read, averaged=averaged)
        facts = CardFacts(
            name=path.name, format=config.format, license=config.license, geometry=read.geometry,
            parameters=sum(parameter.numel() for parameter in ours.model.parameters()),
            tokens=read.tokenizer.vocab_size, logit_scale=float(ours.model.logit_scale.exp()),
            training=training, while_training=while_training, measured=measured, comparison=comparison,
            left_out=left_out,
        )  # fmt: skip
        folder.write(CARD_FILE, card_text(facts).encode())
    _tell(config, path, facts)


def _history(config: ExportConfig, read: ReadModel, *, averaged: bool) -> tuple[list[str], list[str]]:
    """Return what the card says of the training, and of what was measured while it went on.

    Of a run of ours that is what lies beside it, of weights of others the hashes of their files.
    """
    files = find_weights(config.checkpoint, "CHECKPOINT", averaged=averaged)
    if files.kind == "ours":
        measured = [] if averaged else measured_lines(files.folder)  # of the weights themselves
        return training_lines(files.folder, averaged=averaged), measured
    hashes = [f"- {one['name'].rpartition('/')[2]}: SHA-256 `{one['sha256']}`" for one in read.inputs]
    return ["Weights of another project; how they were trained stands in their own card.", "", *hashes], []


def _say(step: str) -> None:
    """Tell someone who waits what is going on: seconds for small models, minutes for the largest."""
    if sys.stderr.isatty():
        print(f"{step} ...", file=sys.stderr, flush=True)


def _check_packages(way: _Way, name: Format) -> None:
    lacking = [package for package in way.needs if find_spec(package) is None]
    if lacking:
        raise ValueError(
            f"--format {name} takes {' and '.join(lacking)}, found none; pip install 'webimagetext[export]'"
        )


def _named(place: str) -> Callable[..., Any]:
    module, _, name = place.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def _check_weights(read: ReadModel, folder: Folder, left_out: tuple[str, ...]) -> None:
    """Read what was written as any weights of others, and compare it bit for bit. Raises ValueError."""
    again = read_model(folder.url, "--output")
    if found := differences(read.geometry, again.geometry, but=("mlp_width",)):
        raise ValueError(f"{folder.url} is read again as another model: {found[0]}; nothing was written")
    others = [
        name for name, tensor in read.tensors.items()
        if name not in left_out and not torch.equal(again.tensors[name], tensor)
    ]  # fmt: skip
    if others or again.tokenizer.sha256 != read.tokenizer.sha256:
        what = f"tensor {others[0]!r}" if others else "the tokenizer"
        raise ValueError(f"{what} is another one when {folder.url} is read again; nothing was written")


def _compared(way: _Way, folder: Folder, ours: Loaded) -> Comparison | str:
    """Return what the program that the folder is for makes of it, or a line that says why it was not asked."""
    if find_spec(way.package) is None:
        return f"not compared: {way.package} is not installed"
    try:
        importlib.import_module(way.package)
    except (ImportError, RuntimeError) as error:  # a torchvision of another build is a RuntimeError
        return f"not compared: {way.package} cannot be imported here ({(str(error).splitlines() or [''])[0]})"
    try:
        theirs: Reader = _named(way.reader)(folder.url)
    except Exception as error:  # whatever a program raises that cannot open it; told, not passed over
        reason = (str(error).splitlines() or [""])[0]
        raise ValueError(
            f"{way.package} cannot open what was written ({type(error).__name__}: {reason}); nothing was written"
        ) from error
    return compare(ours, theirs)


def _tell(config: ExportConfig, path: Path, facts: CardFacts) -> None:
    found = facts.comparison
    num_bytes = sum(file.stat().st_size for file in path.iterdir())
    print(printable(f"{facts.parameters:,} parameters, {facts.tokens:,} tokens, {num_bytes / 1e6:,.1f} MB: {path}"))
    if isinstance(found, str):
        print(printable(found))
    else:
        print(
            f"the same to {found.title}: {found.num_images} images differ by {found.images:.1e} of the largest value, "
            f"{found.num_texts} texts by {found.texts:.1e}, their ids by nothing"
        )
    if facts.left_out:
        print(f"left out, since {config.format} has no place for it: {', '.join(facts.left_out)}")
    if config.license == "unknown":
        print("the card says license: unknown; give --license")
