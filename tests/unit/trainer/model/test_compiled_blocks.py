"""Compiled blocks: equal results, no graph breaks, and no new graph for other lengths of captions."""

from collections.abc import Iterator

import pytest
import torch
from torch._dynamo.utils import counters

from tests.support.small_towers import RESNET, VIT, feature_gradients, images, moved_clip, texts
from trainer.model.blocks import blocks_of
from trainer.model.compiled_blocks import compile_blocks
from trainer.model.recompute import mark_blocks
from trainer.presets import ModelConfig


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


def num_graphs() -> int:
    assert not counters["graph_break"]
    return int(counters["stats"]["unique_graphs"])


def test_one_graph_serves_all_blocks_of_a_kind_and_all_lengths_of_captions() -> None:
    model = moved_clip(VIT)
    compile_blocks(model, backend="aot_eager")
    feature_gradients(model, 4)
    assert num_graphs() == 4, "image and text: a block, and the last one"
    for num_tokens in (9, 30, 17, 48):
        lengths = [num_tokens // 4] * 3 + [num_tokens - 3 * (num_tokens // 4)]
        packed = type(texts(1)).from_rows([[1] * length for length in lengths])
        model.encode_texts(packed).sum().backward()
    assert num_graphs() == 4


@pytest.mark.parametrize("recomputed", [pytest.param(False, marks=pytest.mark.slow), True], ids=["kept", "recomputed"])
@pytest.mark.parametrize("config", [VIT, pytest.param(RESNET, marks=pytest.mark.slow)], ids=["vit", "resnet"])
def test_gradients_are_those_of_eager_blocks(config: ModelConfig, recomputed: bool) -> None:
    check_equal(config, recomputed, "aot_eager")


@pytest.mark.slow
@pytest.mark.parametrize("config", [VIT, RESNET], ids=["vit", "resnet"])
def test_gradients_by_the_compilers_own_kernels_are_those_of_eager_blocks(config: ModelConfig) -> None:
    check_equal(config, True, "inductor")


def check_equal(config: ModelConfig, recomputed: bool, backend: str) -> None:
    plain, model = moved_clip(config), moved_clip(config)
    compile_blocks(model, backend)
    mark_blocks(blocks_of(model), blocks_of(model) if recomputed else ())
    for found, wanted in zip(feature_gradients(model, 4), feature_gradients(plain, 4), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=2e-5 * float(wanted.abs().max()) + 1e-6)
    for found, wanted in zip(model.buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(found, wanted)
    with torch.no_grad():
        model.eval()
        plain.eval()
        torch.testing.assert_close(model.encode_images(images(3)), plain.encode_images(images(3)), rtol=0, atol=1e-5)
    assert num_graphs() > 0
