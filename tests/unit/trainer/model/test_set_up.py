"""Options of the encoders, applied to a model."""

import pytest

from tests.support.small_towers import VIT, moved_clip
from trainer.model.block_costs import measure
from trainer.model.blocks import blocks_of
from trainer.model.compiled_blocks import is_compiled
from trainer.model.patch_dropout import PatchDropout
from trainer.model.set_up import set_up_encoders
from trainer.options.encoders import EncoderOptions


def test_without_options_nothing_is_set() -> None:
    model = moved_clip(VIT)
    assert set_up_encoders(model, EncoderOptions(), 0, 4) == frozenset()
    assert model.patch_dropout is None
    assert not any(is_compiled(block) or block.is_recomputed for block in blocks_of(model).values())


def test_each_option_is_set() -> None:
    model = moved_clip(VIT)
    options = EncoderOptions(patch_dropout=0.25, activation_checkpointing="blocks", compile=True)
    assert set_up_encoders(model, options, 7, 4) == frozenset(blocks_of(model))
    assert model.patch_dropout == PatchDropout(0.25, 7)
    assert all(is_compiled(block) and block.is_recomputed for block in blocks_of(model).values())


def test_auto_recomputes_what_the_budget_asks_for() -> None:
    model = moved_clip(VIT)
    whole = measure(model, None).kept_bytes()
    options = EncoderOptions(activation_checkpointing="auto", activation_gb=0.8 * 100 * whole / 1e9)
    chosen = set_up_encoders(model, options, 0, 100)
    assert 0 < len(chosen) < len(blocks_of(model))
    assert {name for name, block in blocks_of(model).items() if block.is_recomputed} == chosen


def test_on_a_cpu_auto_needs_a_budget() -> None:
    with pytest.raises(ValueError, match="takes activation_gb on a CPU, found none"):
        set_up_encoders(moved_clip(VIT), EncoderOptions(activation_checkpointing="auto"), 0, 4)


def test_blocks_are_measured_with_patches_dropped() -> None:
    whole = measure(moved_clip(VIT), None).kept_bytes()
    model = moved_clip(VIT)
    options = EncoderOptions(patch_dropout=0.75, activation_checkpointing="auto", activation_gb=100 * whole / 1e9)
    assert set_up_encoders(model, options, 0, 100) == frozenset()
    assert measure(model, None).kept_bytes() < 0.8 * whole
