"""``trainer import``: weights of other projects in, a model of ours out, as a finished run has it."""

import dataclasses

from schemas.manifest import write_manifest
from schemas.printable import printable
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, ViTConfig
from trainer.saving.checkpoint import write_model
from trainer.saving.written_files import FINAL
from trainer.weights.find_weights import find_weights
from trainer.weights.import_config import ImportConfig
from trainer.weights.read_model import read_model


def import_model(config: ImportConfig) -> None:
    """Write the model, and print what it is and what was left of it. Raises OSError or ValueError that names a file."""
    folder = Folder(config.output)
    _check_apart(config.source, folder)
    read = read_model(config.source, "SOURCE", model=config.model, tokenizer=config.tokenizer)
    record = RunRecord(
        command="trainer import",
        config={"geometry": dataclasses.asdict(read.geometry)},
        inputs=[*read.inputs, {"name": "tokenizer", "sha256": read.tokenizer.sha256}],
        paths={"source": config.source},
    )
    if not start_run(folder, record):
        print(f"{folder.url} is finished already: nothing to do")
        return
    model = CLIP(read.geometry)
    model.load_state_dict(read.tensors)
    records = write_model(folder, FINAL, model, read.tokenizer)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    summary = {"parameters": parameters, "tensors": len(read.tensors)}
    write_manifest(folder, "checkpoint", records, rows=0, identity=record.identity, summary=summary)
    for line in (*read.told, described(read.geometry, read.tokenizer.vocab_size)):
        print(printable(line))
    print(printable(f"{parameters:,} parameters: {folder.url}/{FINAL}"))


def _check_apart(source: str, output: Folder) -> None:
    """Raise ValueError where what is written would stand in place of what is read."""
    lies_in = find_weights(source, "SOURCE").folder.url
    if f"{lies_in}/".startswith(f"{output.url}/"):
        raise ValueError(f"--output: SOURCE {lies_in} lies in {output.url}; choose another folder")


def described(geometry: ModelConfig, tokens: int) -> str:
    """Return what a model is, in a line."""
    image, text = geometry.image, geometry.text
    if isinstance(image, ViTConfig):
        told = f"ViT of {image.layers} x {image.width}, patches of {image.patch_px} px, {image.activation}"
    else:
        told = f"ResNet of width {image.width}, blocks {', '.join(map(str, image.blocks))}"
    return (
        f"images of {image.image_px} px, {told}; texts of {text.context_length} of {tokens:,} tokens, {text.layers} x "
        f"{text.width}, {text.activation}; {geometry.embed_dim} channels"
    )
