"""``--model FILE.json``: a geometry in any of the forms that projects write."""

from schemas.json_object import JsonObject
from schemas.storage import Folder
from trainer.presets import ModelConfig
from trainer.saving.checkpoint import model_config_from_json
from trainer.weights.form.open_clip_config import is_open_clip_config, model_of_open_clip
from trainer.weights.form.transformers_config import model_of_transformers


def read_geometry(path: str) -> ModelConfig:
    """Return the geometry in a JSON file, by path or URL. Raises FileNotFoundError or ValueError that names it."""
    parent, slash, name = path.rpartition("/")
    folder = Folder(parent or (slash or "."))
    if not folder.exists(name):
        raise FileNotFoundError(f"--model: no such file {folder.path(name)!r}")
    return geometry_of_json(folder.read_json(name))


def geometry_of_json(body: JsonObject) -> ModelConfig:
    """Return the geometry of one of our ``config.json``, open_clip's or transformers' configs."""
    if is_open_clip_config(body):
        return model_of_open_clip(body, body.where)
    if body.get("model_type") == "clip":
        return model_of_transformers(body, body.where)
    if "image" in body:
        return model_config_from_json(body, body.where)
    raise ValueError(
        f"{body.where}: expected a config.json of this project, a model config of open_clip (embed_dim, vision_cfg, "
        f"text_cfg) or a CLIP config.json of transformers, found the keys {', '.join(list(body)[:6]) or 'none'}"
    )
