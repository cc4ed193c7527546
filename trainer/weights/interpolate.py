"""Two models' weights, interpolated into a third (WiSE-FT, arXiv 2109.01903)."""

import torch

from schemas.manifest import write_manifest
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from trainer.model.clip import CLIP
from trainer.saving.checkpoint import write_model
from trainer.saving.written_files import FINAL
from trainer.weights.geometry_differences import differences
from trainer.weights.interpolate_config import InterpolateConfig
from trainer.weights.read_model import read_model


def interpolate(config: InterpolateConfig) -> None:
    """Write the model between two, and print where. Raises OSError or ValueError that names what does not fit."""
    first, second = read_model(config.from_, "--from"), read_model(config.to, "--to")
    if found := differences(first.geometry, second.geometry, but=()):
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        raise ValueError(f"--from and --to differ: {found[0]}{more}; give two of a kind")
    if first.tokenizer.sha256 != second.tokenizer.sha256:
        raise ValueError("--from and --to have other tokenizers; give two of a kind")
    folder = Folder(config.output)
    record = RunRecord(
        command="trainer interpolate",
        config={"alpha": config.alpha},
        inputs=[*first.inputs, *second.inputs],
        paths={"from": config.from_, "to": config.to},
    )
    if not start_run(folder, record):
        print(f"{folder.url} is finished already: nothing to do")
        return
    model = CLIP(second.geometry)
    model.load_state_dict(between(first.tensors, second.tensors, config.alpha))
    records = write_model(folder, FINAL, model, second.tokenizer)
    summary = {"alpha": config.alpha, "parameters": sum(parameter.numel() for parameter in model.parameters())}
    write_manifest(folder, "checkpoint", records, rows=0, identity=record.identity, summary=summary)
    print(f"{len(first.tensors)} tensors, alpha {config.alpha}: {folder.url}/{FINAL}")


def between(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor], alpha: float) -> dict[str, torch.Tensor]:
    """Return (1 - alpha) * first + alpha * second of each tensor, made in float64; counts are those of `second`."""
    return {
        name: torch.lerp(first[name].double(), tensor.double(), alpha).to(tensor.dtype)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in second.items()
    }
