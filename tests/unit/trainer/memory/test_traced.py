"""Bytes that are traced without content are those that a real pass holds."""

from contextlib import nullcontext

import pytest
import torch

from tests.support.small_clip import CONFIG, small_batch
from trainer.memory.traced import made_rows, peak_bytes, trace_bytes
from trainer.model.clip import CLIP
from trainer.model.without_content import without_content
from trainer.presets import find_preset


def kept_for_backward(model: CLIP, rows: int, image_px: int, autocast: torch.dtype | None) -> int:
    """Return the bytes that autograd says it keeps, by torch's own hooks, of a real forward pass."""
    batch = small_batch(rows, image_px)
    outside = {tensor.untyped_storage().data_ptr() for tensor in [*model.parameters(), *model.buffers()]}
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        with torch.autocast("cpu", dtype=autocast, enabled=autocast is not None):
            outputs = model(batch.images_b3PP, batch.texts)
    assert outputs[0].requires_grad
    return sum(storage.nbytes() for pointer, storage in kept.items() if pointer not in outside)


@pytest.mark.parametrize("autocast", [None, torch.bfloat16])
@pytest.mark.parametrize("preset", ["vit-tiny", "rn-tiny"])
def test_a_row_takes_what_autograd_keeps_of_it_and_little_more(preset: str, autocast: torch.dtype | None) -> None:
    config = find_preset(preset).model
    model = CLIP(config)
    few, many = (kept_for_backward(model, rows, config.image.image_px, autocast) for rows in (8, 24))
    kept = (many - few) / 16
    lengths = small_batch(24).texts.lengths
    with without_content():
        made = CLIP(config).train()
    traced = trace_bytes(made, config.image.image_px, float(lengths.mean()), autocast)
    assert 0.95 * kept < traced.per_row < 1.3 * kept  # at the peak a gradient or two are held besides


@pytest.mark.parametrize("autocast", [None, torch.bfloat16])
def test_a_pass_without_content_holds_what_a_real_one_does(autocast: torch.dtype | None) -> None:
    found = []
    for mode in (without_content(), nullcontext()):
        with mode:
            found.append(peak_bytes(CLIP(CONFIG), *made_rows(12, 16, 4.3), autocast))
    assert found[0] == found[1]
