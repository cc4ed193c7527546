"""A detector as files: those of its CLIP, which any command for a CLIP takes, and the heads beside them.

final/   model.safetensors  config.json  tokenizer.json     the CLIP, for images of the detector's size
         detector.safetensors                               the heads
"""

from collections.abc import Mapping

import torch

from schemas.storage import FileRecord, Folder
from trainer.detect.model.detector import HEADS, Detector
from trainer.saving.checkpoint import (
    CONFIG_FILE,
    MODEL_FILE,
    OPTIMIZER_FILE,
    checked_tensors,
    load_optimizer,
    model_config_from_json,
    model_folder,
    open_checkpoint,
    read_tokenizer,
    state_tensors,
    write_description,
)
from trainer.saving.host_copies import TensorFiles
from trainer.saving.tensor_file import write_tensors
from trainer.saving.train_state import TrainState, train_state
from trainer.saving.written_files import written_files
from trainer.tokenizer import CaptionTokenizer

HEADS_FILE = "detector.safetensors"


def detector_tensors(detector: Detector, optimizer: torch.optim.Optimizer | None = None) -> TensorFiles:
    """Return the tensors by their files, contiguous and on the CPU; there they are the detector's own."""
    files: dict[str, dict[str, torch.Tensor]] = {MODEL_FILE: {}, HEADS_FILE: {}}
    for name, tensor in detector.state_dict().items():
        files[HEADS_FILE if name.split(".")[0] in HEADS else MODEL_FILE][name] = tensor
    if optimizer is not None:
        files[OPTIMIZER_FILE] = dict(state_tensors(detector, optimizer)[OPTIMIZER_FILE])
    return {
        file: {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        for file, tensors in files.items()
    }


def write_detector(folder: Folder, prefix: str, detector: Detector, tokenizer: CaptionTokenizer) -> list[FileRecord]:
    """Write the detector under `prefix`; return the files' records."""
    files = detector_tensors(detector)
    written = [write_tensors(folder, f"{prefix}/{name}", tensors) for name, tensors in files.items()]
    return written + write_description(folder, prefix, detector.config, tokenizer)


def load_detector(path: str) -> tuple[Detector, CaptionTokenizer]:
    """Return the detector that `path` means, in evaluation mode on the CPU, and its tokenizer.

    `path` is the output of ``trainer detect train``, or a folder with the files of one detector. Raises
    FileNotFoundError or ValueError that says what was expected.
    """
    folder = model_folder(path)
    if not folder.exists(HEADS_FILE):
        raise FileNotFoundError(
            f"--checkpoint: {folder.url} has no {HEADS_FILE}, so it is no detector; make one of a CLIP with "
            "trainer detect train"
        )
    written = written_files(folder)
    written.read(folder, CONFIG_FILE)
    detector = Detector(model_config_from_json(folder.read_json(CONFIG_FILE), folder.path(CONFIG_FILE)))
    _load(detector, {name: checked_tensors(folder, name, written) for name in (MODEL_FILE, HEADS_FILE)}, folder)
    return detector.eval(), read_tokenizer(folder, written)


def read_detector_checkpoint(
    folder: Folder, step: int, detector: Detector, optimizer: torch.optim.Optimizer, identity: str
) -> TrainState:
    """Load the checkpoint of `step` of a run into both. Raises ValueError as `trainer.saving.checkpoint`'s do."""
    checkpoint, state, written = open_checkpoint(folder, step, identity)
    names = (MODEL_FILE, HEADS_FILE, OPTIMIZER_FILE)
    files = {name: checked_tensors(checkpoint, name, written) for name in names}
    load_optimizer(detector, optimizer, files.pop(OPTIMIZER_FILE))
    _load(detector, files, checkpoint)
    return train_state(state)


def _load(detector: Detector, files: Mapping[str, dict[str, torch.Tensor]], folder: Folder) -> None:
    try:
        detector.load_state_dict({name: tensor for tensors in files.values() for name, tensor in tensors.items()})
    except RuntimeError as error:
        raise ValueError(f"{folder.url}: the weights do not fit {CONFIG_FILE}: {error}") from error
