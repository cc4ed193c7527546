"""A model as two ONNX files, image and text encoder, each for a batch of any size, with a JSON that says what goes in.

image_encoder.onnx   pixel_values float32 [batch, 3, P, P], normalised  -> image_embeds float32 [batch, E], length one
text_encoder.onnx    input_ids int64 [batch, length], padded by any id after [EOS] -> text_embeds float32 [batch, E]
encoders.json        opset, names, shapes, preprocessing, ids, the scale of the logits

Shapes: N images or texts, L positions, E embedding, P pixels per side.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from schemas.storage import Folder
from trainer.export.tokenizer_files import preprocessing, write_preprocessing, write_tokenizer
from trainer.model.clip import CLIP, IMAGE_MEAN, IMAGE_STD
from trainer.use.load import frozen
from trainer.weights.read_model import ReadModel

IMAGE_FILE, TEXT_FILE, ENCODERS_FILE = "image_encoder.onnx", "text_encoder.onnx", "encoders.json"
OPSET = 20
"""Which onnxruntime knows from 1.17 on."""
MAX_PROTOBUF_BYTES = 1_900_000_000
"""A protobuf holds less than 2 GiB; the weights of a larger encoder lie beside its file, in FILE.data."""
_NOISY = ("torch.onnx", "onnxscript", "onnx_ir")


class ImageEncoder(nn.Module):
    """Normalised pixels to features of length one."""

    def __init__(self, model: CLIP) -> None:
        super().__init__()
        self.model = model
        self.scale_311: torch.Tensor
        self.shift_311: torch.Tensor
        self.register_buffer("scale_311", 255 * torch.tensor(IMAGE_STD).view(3, 1, 1), persistent=False)
        self.register_buffer("shift_311", 255 * torch.tensor(IMAGE_MEAN).view(3, 1, 1), persistent=False)

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Return ``[N, E]``. The model takes pixels of 0 .. 255, and has their normalisation in its first weights."""
        return CLIP.encode_images(self.model, pixel_values * self.scale_311 + self.shift_311)


class TextEncoder(nn.Module):
    """Padded ids to features of length one."""

    def __init__(self, model: CLIP, eos: int) -> None:
        super().__init__()
        self.text_encoder = model.text_encoder
        self.eos = eos

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Return ``[N, E]`` at the first [EOS] of each row of ``[N, L]``; L is at most the context length."""
        eos_N = (input_ids == self.eos).int().argmax(dim=-1)
        return nn.functional.normalize(self.text_encoder.encode_padded(input_ids, eos_N), dim=-1)


def write_onnx(folder: Folder, read: ReadModel) -> tuple[str, ...]:
    """Write both encoders, tokenizer and preprocessing; nothing is left out. Raises ValueError without the exporter."""
    model = frozen(read, torch.device("cpu"), None).model
    image_px, text = read.geometry.image.image_px, read.geometry.text
    pixels = torch.zeros(2, 3, image_px, image_px)
    ids = torch.full((2, min(4, text.context_length)), read.tokenizer.eos)
    batch = torch.export.Dim("batch")
    length = torch.export.Dim("length", max=text.context_length)
    _write(folder, IMAGE_FILE, ImageEncoder(model), pixels, ("pixel_values", "image_embeds"), {0: batch})
    encoder = TextEncoder(model, read.tokenizer.eos)
    _write(folder, TEXT_FILE, encoder, ids, ("input_ids", "text_embeds"), {0: batch, 1: length})
    folder.write_json(ENCODERS_FILE, _described(read))
    write_preprocessing(folder, image_px)
    write_tokenizer(folder, read.tokenizer)
    return ()


def _described(read: ReadModel) -> dict[str, Any]:
    """Return what a program needs to know that has neither this project nor transformers."""
    geometry, tokenizer = read.geometry, read.tokenizer
    image_px = geometry.image.image_px
    features = {"dtype": "float32", "shape": ["batch", geometry.embed_dim], "length": 1}
    scale = {"logit_scale": float(read.tensors["logit_scale"].exp())}
    if "logit_bias" in read.tensors:
        scale["logit_bias"] = float(read.tensors["logit_bias"])
    return {
        "opset": OPSET,
        "image_encoder": {
            "file": IMAGE_FILE,
            "input": {"name": "pixel_values", "dtype": "float32", "shape": ["batch", 3, image_px, image_px]},
            "output": {"name": "image_embeds", **features},
            "preprocessing": preprocessing(image_px),
        },
        "text_encoder": {
            "file": TEXT_FILE,
            "input": {"name": "input_ids", "dtype": "int64", "shape": ["batch", "length"]},
            "max_length": tokenizer.context_length,
            "output": {"name": "text_embeds", **features},
            "tokenizer": "tokenizer.json",
            "bos_token_id": tokenizer.sos,
            "eos_token_id": tokenizer.eos,
        },
        "logits": "logit_scale * image_embeds @ text_embeds.T" + (" + logit_bias" if "logit_bias" in scale else ""),
        **scale,
    }


def _write(
    folder: Folder, file: str, module: nn.Module, example: torch.Tensor, names: tuple[str, str], sizes: dict[int, Any]
) -> None:
    """Trace `module`, and write it without what tells of this machine."""
    name_in, name_out = names
    with _quiet():
        program = torch.onnx.export(
            module.eval(), (example,), dynamo=True, verbose=False, opset_version=OPSET,
            input_names=[name_in], output_names=[name_out], dynamic_shapes={name_in: sizes},
        )  # fmt: skip
    assert program is not None
    functions = program.model.functions.values()
    for graph in (program.model.graph, *(function.graph for function in functions)):
        graph.metadata_props.clear()
        for node in graph.all_nodes():
            node.metadata_props.clear()  # stack traces with paths
            node.doc_string = None
        for value in (*graph.inputs, *graph.outputs):
            value.metadata_props.clear()
    num_bytes = sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())
    program.save(folder.path(file), external_data=num_bytes > MAX_PROTOBUF_BYTES)


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what the exporter says of its own inner workings."""
    loggers = [logging.getLogger(name) for name in _NOISY]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
