"""The geometry of a run's model: a preset's, a JSON file's, that of given weights. Imports nothing slow for presets.

``--model`` takes a preset or a FILE.json (a ``config.json`` of ours or of transformers, a model config of open_clip);
without it ``--init-from`` tells. An image encoder of other people brings its activation and norms along.
"""

from dataclasses import replace
from functools import cache

from trainer.presets import PRESETS, ModelConfig, Recipe, ResNetConfig, ViTConfig, find_preset
from trainer.weights.geometry_differences import differences

DEFAULT_MODEL = "vit-b-32"


@cache
def find_geometry(
    model: str | None, init_from: str | None, init_image_from: str | None, image_px: int | None
) -> ModelConfig:
    """Return the geometry that the options mean; a process reads the files of each choice once.

    Raises FileNotFoundError or ValueError that names the option, the file and the field, also where `model` and the
    weights' own geometry differ in more than the size of images and vocabulary.
    """
    found = _given_geometry(model, init_from)
    if init_image_from is not None:
        from trainer.weights.image_geometry import with_image_of  # reads files: not for presets

        found = with_image_of(found, init_image_from)
    if image_px is not None:
        found = replace(found, image=replace(found.image, image_px=image_px))
    return found


def _given_geometry(model: str | None, init_from: str | None) -> ModelConfig:
    if init_from is None:
        return named_geometry(model or DEFAULT_MODEL)
    from trainer.weights.find_weights import find_weights

    files = find_weights(init_from, "--init-from")
    return geometry_of(files.geometry, model, "--init-from", files.where)


def geometry_of(theirs: ModelConfig | None, model: str | None, option: str, where: str) -> ModelConfig:
    """Return the geometry of weights that tell theirs, or None, beside a `--model`.

    Raises ValueError that names `option` and `where` when neither tells, or both tell different ones.
    """
    if theirs is None:
        if model is None:
            raise ValueError(
                f"{option}: {where} holds tensors alone, and neither heads nor activation stand in them; give "
                "the --model that they are of, or a folder with its config"
            )
        return named_geometry(model)
    if model is None:
        return theirs
    ours = named_geometry(model)
    if found := differences(ours, theirs):
        raise ValueError(
            f"--model {model} and {option} {where} differ: {'; '.join(found[:3])}; leave --model out to "
            "take the weights' own, with --image-px for images of another size"
        )
    return ours


def named_geometry(model: str) -> ModelConfig:
    """Return the geometry of a preset or of a JSON file. Raises ValueError that names what was expected."""
    if not model.endswith(".json"):
        return find_preset(model).model
    from trainer.weights.geometry_file import read_geometry

    return read_geometry(model)


def recipe_of(model: str | None, geometry: ModelConfig) -> Recipe:
    """Return the recipe of the preset `model`, else of the paper's model that the geometry is nearest to.

    CLIP, Table 19: the two kinds of encoder have their own betas, wider models a lower learning rate.
    """
    if model in PRESETS:
        return find_preset(model).recipe
    is_vit = isinstance(geometry.image, ViTConfig)
    is_wide = geometry.image.width >= (1024 if is_vit else 96)
    nearest = {(True, False): "vit-b-32", (True, True): "vit-l-14", (False, False): "rn50", (False, True): "rn50x16"}
    return find_preset(nearest[is_vit, is_wide]).recipe


def check_sizes(model: ModelConfig, title: str) -> None:
    """Raise ValueError for images that are cut into no whole patches, and widths into no whole heads."""
    px, step_px = model.image.image_px, model.image.step_px
    if px % step_px:
        larger = (px // step_px + 1) * step_px
        raise ValueError(
            f"image_px of model {title!r} must be a multiple of {step_px}, found {px}; give --image-px {larger}"
        )
    for part, encoder in (("image", model.image), ("text", model.text)):
        if not isinstance(encoder, ResNetConfig) and encoder.width % encoder.heads:
            raise ValueError(
                f"width of model {title!r} ({part}) must be a multiple of heads, found {encoder.width} and "
                f"{encoder.heads}"
            )
