"""An ONNX export opened by onnxruntime, as a program does that has neither torch nor this project: a `Reader`.

Shapes: N images or texts, E embedding, P pixels per side.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from trainer.export.read_back import until_eos
from trainer.export.write_onnx import ENCODERS_FILE


class OnnxReader:
    """Both encoders in sessions on the CPU, the tokenizer by `tokenizers`, the preprocessing by ``encoders.json``."""

    def __init__(self, path: str) -> None:
        import onnxruntime

        self.title = f"onnxruntime {onnxruntime.__version__}"
        self._told = json.loads((Path(path) / ENCODERS_FILE).read_text())
        self._sessions = {
            kind: onnxruntime.InferenceSession(
                str(Path(path) / self._told[kind]["file"]), providers=["CPUExecutionProvider"]
            )
            for kind in ("image_encoder", "text_encoder")
        }
        self._tokenizer: Tokenizer = Tokenizer.from_file(str(Path(path) / self._told["text_encoder"]["tokenizer"]))
        self._eos: int = self._told["text_encoder"]["eos_token_id"]
        self._tokenizer.enable_padding(pad_id=self._eos)

    def image_features(self, images_N3PP: torch.Tensor) -> torch.Tensor:
        steps = self._told["image_encoder"]["preprocessing"]
        mean, std = (np.array(steps[name], np.float32).reshape(3, 1, 1) for name in ("image_mean", "image_std"))
        pixels = images_N3PP.numpy().astype(np.float32) * np.float32(steps["rescale_factor"])
        return self._run("image_encoder", (pixels - mean) / std)

    def text_features(self, texts: Sequence[str]) -> torch.Tensor:
        return self._run("text_encoder", np.array(self._ids(texts), np.int64))

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        return until_eos(self._ids(texts), self._eos)

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoded.ids for encoded in self._tokenizer.encode_batch(list(texts))]

    def _run(self, kind: str, values: Any) -> torch.Tensor:
        told = self._told[kind]
        (found,) = self._sessions[kind].run([told["output"]["name"]], {told["input"]["name"]: values})
        return torch.from_numpy(found)
