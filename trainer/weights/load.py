"""Given weights into a new model, and what is told of them."""

from collections.abc import Sequence

import torch
import torch.distributed as dist

from trainer.model.clip import CLIP
from trainer.weights.begin import GivenWeights
from trainer.weights.convert import Converted, convert
from trainer.weights.form.naming import IMAGE, TEXT, Naming, naming_of
from trainer.weights.form.open_clip_names import OPEN_CLIP
from trainer.weights.form.our_names import OURS
from trainer.weights.form.timm_names import PRE_NORM, TIMM
from trainer.weights.form.transformers_names import TRANSFORMERS_CLIP, TRANSFORMERS_VIT
from trainer.weights.normalisation import Normalisation
from trainer.workers.distributed import World

NAMINGS = (OURS, OPEN_CLIP, TRANSFORMERS_CLIP, TRANSFORMERS_VIT, TIMM)
_OF_VITS = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""Of transformers' and timm's ViTs where neither config says another."""
_TOKENS = f"{TEXT}token_embedding.weight"


def load_given(model: CLIP, given: GivenWeights) -> list[str]:
    """Load weights into `model`; return the lines that tell what they are and what they hold beside it.

    Raises ValueError, one line with the file, the tensor, the shapes expected and found.
    """
    converted, naming = convert_given(
        {name: tensor.shape for name, tensor in model.state_dict().items()}, given, given.files.where
    )
    with torch.no_grad():
        state = model.state_dict()
        for name, tensor in converted.tensors.items():
            state[name].copy_(tensor)
    return told_of(converted, naming, given)


def told_of(converted: Converted, naming: Naming, given: GivenWeights) -> list[str]:
    """Return the lines that tell whose weights they are, what was done to them, and what was left where they lie."""
    is_part = given.option == "init_image_from"
    title = f"{'image encoder' if is_part else 'weights'} from {given.files.where}, of {naming.title}"
    return [", ".join((title, *converted.notes)), *_told_beside(converted, given)]


def convert_given(wanted: dict[str, torch.Size], given: GivenWeights, where: str) -> tuple[Converted, Naming]:
    """Return given tensors by our names, and whose names they had. Raises ValueError as `load_given`."""
    tensors = given.plain_tensors
    naming = naming_of(tensors, NAMINGS, where)
    if given.option == "init_image_from":
        wanted = {name: shape for name, shape in wanted.items() if name.startswith(IMAGE)}
    elif given.is_vit_alone:
        raise ValueError(f"{where} is an image encoder alone ({naming.title}); give it as --init-image-from")
    else:
        _check_vocabulary(wanted, tensors, naming, where)
    normalisation = given.files.normalisation
    if normalisation is None:
        is_plain_vit = given.is_vit_alone and PRE_NORM not in tensors
        normalisation = _OF_VITS if is_plain_vit else Normalisation()
    return convert(wanted, tensors, naming, normalisation, where), naming


def share_weights(model: CLIP, world: World) -> None:
    """Give all workers the first one's weights and statistics."""
    if world.size > 1:
        for tensor in (*model.parameters(), *model.buffers()):
            dist.broadcast(tensor.data, src=0)


def _check_vocabulary(
    wanted: dict[str, torch.Size], tensors: dict[str, torch.Tensor], naming: Naming, where: str
) -> None:
    source = naming.source(_TOKENS)
    assert source is not None
    found = tensors.get(source.names[0])
    if found is not None and len(found) != wanted[_TOKENS][0]:
        raise ValueError(
            f"{where}: tensor {source.names[0]!r} has embeddings of {len(found)} tokens, the tokenizer "
            f"{wanted[_TOKENS][0]}; give the --tokenizer that the weights were trained with"
        )


def _told_beside(converted: Converted, given: GivenWeights) -> Sequence[str]:
    names = [*converted.beside, *given.beside]
    if not names:
        return ()
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return (f"left in {given.files.where}: {', '.join(names[:4])}{more}",)
