"""The model whose memory is planned: a geometry and a run's options in, the model as it would train out."""

from collections.abc import Collection

from trainer.config import TrainConfig
from trainer.model.blocks import blocks_of
from trainer.model.clip import CLIP
from trainer.model.patch_dropout import PatchDropout
from trainer.model.recompute import mark_blocks
from trainer.optim.text_weights import keep_text_weights
from trainer.presets import ModelConfig
from trainer.weights.lock import lock_encoders


def planned_model(config: TrainConfig, model: ModelConfig, recomputed: Collection[str] = ()) -> CLIP:
    """Return the model in training mode, with the blocks that are named recomputed, or all as the options say.

    Made in `without_content()` it takes no memory. A projection beside an image encoder alone is taken to be new.
    """
    made = CLIP(model).train()
    keep_text_weights(made, config.text_weights)
    lock_encoders(made, config, is_projection_new=config.init_image_from is not None)
    if config.patch_dropout:
        made.patch_dropout = PatchDropout(config.patch_dropout, config.seed)
    blocks = blocks_of(made)
    mark_blocks(blocks, blocks if config.activation_checkpointing == "blocks" else recomputed)
    return made
