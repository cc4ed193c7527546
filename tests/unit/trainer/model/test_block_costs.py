"""What blocks keep, measured without contents, is what they keep; the choice fits its budget or says that none does."""

import pytest
import torch

from tests.support.small_towers import RESNET, VIT, images, moved_clip
from trainer.data.packed_texts import PackedTexts
from trainer.model.block_costs import BlockCost, ModelCost, choose_recomputed, measure
from trainer.model.blocks import blocks_of
from trainer.model.recompute import mark_blocks
from trainer.presets import ModelConfig

COST = ModelCost(
    (BlockCost("a", 100, 10, 1_000), BlockCost("b", 60, 10, 100), BlockCost("c", 30, 10, 1_000)), other_bytes=5
)


@pytest.mark.parametrize("config", [VIT, RESNET], ids=["vit", "resnet"])
def test_measured_bytes_are_those_really_kept(config: ModelConfig) -> None:
    model = moved_clip(config)
    cost = measure(model, None)
    assert [block.name for block in cost.blocks] == list(blocks_of(model))
    assert all(0 < block.input_bytes < block.kept_bytes and block.flops > 0 for block in cost.blocks)
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    sums = []
    for rows in (4, 8):
        kept.clear()
        texts = PackedTexts.from_rows([[1] * config.text.context_length] * rows)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            held = model(images(rows), texts)
        sums.append(sum(kept.values()))
        del held
    assert cost.kept_bytes() == pytest.approx((sums[1] - sums[0]) / 4, rel=0.02)
    assert all(block.is_recomputed is False for block in mark(model, ()))


def mark(model: torch.nn.Module, names: tuple[str, ...]) -> list[torch.nn.Module]:
    blocks = blocks_of(model)  # type: ignore[arg-type]
    mark_blocks(blocks, names)
    return list(blocks.values())


def test_half_precision_keeps_less() -> None:
    model = moved_clip(VIT)
    assert measure(model, torch.bfloat16).kept_bytes() < 0.8 * measure(model, None).kept_bytes()


def test_the_most_bytes_for_a_flop_go_first_and_no_more_than_needed() -> None:
    assert COST.kept_bytes() == 195
    assert choose_recomputed(COST, 2, 390) == frozenset()
    assert choose_recomputed(COST, 2, 389) == {"a", "b"}, "b alone is there again, as large as it was, in its turn"
    assert COST.kept_bytes(frozenset("ab")) == 5 + 10 + 10 + 30 + 100


def test_a_budget_that_nothing_fits_is_refused() -> None:
    with pytest.raises(ValueError, match=r"2,000,000 samples keep .* expected at most 200 MB; smaller micro-batches"):
        choose_recomputed(COST, 2_000_000, 200_000_000)
