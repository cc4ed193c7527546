"""What an image encoder alone brings along, beside its weights: activation, norms, width of the MLPs.

Heads stand in no weights: those of ``--model`` are taken, and must be the file's where it tells them.
"""

from dataclasses import replace
from typing import Any

from trainer.presets import ModelConfig, ViTConfig
from trainer.saving.safetensors_header import read_names
from trainer.weights.find_weights import WeightFiles, find_weights
from trainer.weights.form.naming import plain_name
from trainer.weights.form.timm_names import PRE_NORM, TIMM
from trainer.weights.form.transformers_names import TRANSFORMERS_VIT
from trainer.weights.geometry_differences import differences

OPTION = "--init-image-from"
_TIMM_EPS, _TIMM_CLIP_EPS = 1e-6, 1e-5
"""Of timm's ViTs, and of those with CLIP's norm before the blocks."""
_BROUGHT = ("activation", "pre_norm", "layer_norm_eps", "mlp_width")


def with_image_of(model: ModelConfig, path: str) -> ModelConfig:
    """Return `model` with what the image encoder in `path` brings along.

    Raises ValueError that names the field where the two are of another width, depth, patch or number of heads.
    """
    files = find_weights(path, OPTION)
    theirs = files.geometry.image if files.geometry is not None else files.vit
    if theirs is not None:
        if files.geometry is not None and files.geometry.embed_dim != model.embed_dim:
            raise ValueError(
                f"{OPTION}: {files.where} projects to embed_dim {files.geometry.embed_dim}, the model to "
                f"{model.embed_dim}; give the --model that it is of"
            )
        if not isinstance(theirs, ViTConfig) or not isinstance(model.image, ViTConfig):
            if replace(theirs, image_px=model.image.image_px) != model.image:
                (found, *_) = differences(model, replace(model, image=theirs))
                raise ValueError(f"{OPTION}: {files.where} differs: the model has {found}; give its --model")
            return model
        changes = {name: getattr(theirs, name) for name in _BROUGHT}
        image = replace(model.image, **changes)
        for name in ("patch_px", "width", "layers", "heads"):
            if getattr(theirs, name) != getattr(image, name):
                raise ValueError(
                    f"{OPTION}: {files.where} has {name} {getattr(theirs, name)}, the model {getattr(image, name)}; "
                    "give the --model whose image encoder it is"
                )
        return replace(model, image=image)
    changes = _changes_of_names(files)
    if changes and not isinstance(model.image, ViTConfig):
        raise ValueError(f"{OPTION}: {files.where} is a ViT, the model's image encoder a ResNet; give another --model")
    return replace(model, image=replace(model.image, **changes))


def _changes_of_names(files: WeightFiles) -> dict[str, Any]:
    """Return what a file of tensors alone, or of timm, has by the names in it."""
    names = {plain_name(name) for file in files.files for name in read_names(files.folder, file, OPTION)}
    if TIMM.mark in names:
        has_norm = PRE_NORM in names
        is_quick = files.config is not None and "quickgelu" in str(files.config.get("architecture"))
        return {
            "activation": "quick_gelu" if is_quick else "gelu",
            "pre_norm": has_norm,
            "layer_norm_eps": _TIMM_CLIP_EPS if has_norm else _TIMM_EPS,
        }
    if TRANSFORMERS_VIT.mark in names:
        return {"activation": "gelu", "pre_norm": False, "layer_norm_eps": 1e-12}
    return {}
