"""Run by the environments ``open_clip`` and ``transformers``: a CLIP with random weights, and what it computes.

Arguments: ``open_clip`` or ``transformers``, a JSON file with our geometry, a safetensors file with inputs (normalised
pixels, tokens), a folder. The folder gets the model as its project writes one, and ``results.safetensors``: features,
loss and the gradient of every weight, computed in the precision of the pixels and kept in float32. In ResNets BatchNorm
uses the batch's statistics, as in training.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file


def open_clip_model(geometry: dict[str, Any]) -> Any:
    """Return a CLIP of open_clip, and write nothing yet."""
    import tests.peers.torchvision_alone  # noqa: F401  (before open_clip)

    # isort: split
    import open_clip

    return open_clip.CLIP(**open_clip_config(geometry))


def open_clip_config(geometry: dict[str, Any]) -> dict[str, Any]:
    image, text = geometry["image"], geometry["text"]
    vision_cfg = {"image_size": image["image_px"], "width": image["width"]}
    if image["kind"] == "vit":
        heads, layers = image["width"] // image["heads"], image["layers"]
        vision_cfg |= {"layers": layers, "patch_size": image["patch_px"], "head_width": heads}
    else:
        vision_cfg |= {"layers": list(image["blocks"]), "patch_size": None}
    names = ("context_length", "vocab_size", "width", "heads", "layers")
    return {
        "embed_dim": geometry["embed_dim"],
        "quick_gelu": text["activation"] == "quick_gelu",
        "vision_cfg": vision_cfg,
        "text_cfg": {name: text[name] for name in names},
    }


def transformers_model(geometry: dict[str, Any]) -> Any:
    """Return a ``CLIPModel``, by the same function as the unit tests."""
    import transformers

    from tests.support.foreign_models import transformers_config
    from trainer.saving.checkpoint import model_config_from_json

    assert transformers.__version__.startswith("4.57.")
    return transformers.CLIPModel(transformers_config(model_config_from_json(geometry, "geometry"))).eval()


def draw(model: torch.nn.Module) -> None:
    """Move gains and biases away from the ones and zeros that hide faults."""
    for parameter in model.parameters():
        if parameter.ndim == 1:
            parameter.data.add_(0.02 * torch.randn_like(parameter))


def results_of_open_clip(model: Any, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    import open_clip

    model.train()
    image, text, scale = model(inputs["pixels"], inputs["tokens"])
    loss = open_clip.ClipLoss()(image, text, scale)
    loss.backward()
    return {"image": image, "text": text, "loss": loss}


def results_of_transformers(model: Any, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    found = model(input_ids=inputs["tokens"], pixel_values=inputs["pixels"], return_loss=True)
    found.loss.backward()
    return {"image": found.image_embeds, "text": found.text_embeds, "loss": found.loss}


def main() -> None:
    """Write the model, then its results."""
    project, geometry_path, inputs_path, output = sys.argv[1], *map(Path, sys.argv[2:])
    geometry, inputs = json.loads(geometry_path.read_text()), load_file(inputs_path)
    torch.manual_seed(0)
    model = open_clip_model(geometry) if project == "open_clip" else transformers_model(geometry)
    draw(model)
    output.mkdir()
    if project == "open_clip":
        weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
        save_file(weights, output / "open_clip_model.safetensors")
        body = {"model_cfg": open_clip_config(geometry), "preprocess_cfg": {}}
        (output / "open_clip_config.json").write_text(json.dumps(body))
        results = results_of_open_clip(model.to(inputs["pixels"].dtype), inputs)
    else:
        model.save_pretrained(output)
        results = results_of_transformers(model.to(inputs["pixels"].dtype), inputs)
    gradients = {f"grad/{name}": parameter.grad for name, parameter in model.named_parameters()}
    everything = {name: tensor.detach().float().contiguous().clone() for name, tensor in (results | gradients).items()}
    save_file(everything, output / "results.safetensors")
    print(json.dumps({"tensors": len(everything)}))


if __name__ == "__main__":
    main()
