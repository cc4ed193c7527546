"""Operations of a step: as torch counts them, but for what padding and the last block's rest take."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from trainer.model.flops import StepFlops, image_flops, peak_flops, text_flops, utilization
from trainer.presets import PRESETS, TextConfig

CONFIG = TextConfig(width=32, layers=3, heads=2, context_length=16, vocab_size=50)


def test_a_text_is_counted_as_torch_counts_its_products() -> None:
    """One caption as long as the context: no padding, so only the causal half and the last block's rest differ."""
    width, length, layers, embed_dim = 32, 16, 3, 8
    block = torch.nn.TransformerEncoderLayer(width, 2, 4 * width, batch_first=True, bias=False)
    projection = torch.nn.Linear(width, embed_dim, bias=False)
    with FlopCounterMode(display=False) as counter:
        x = torch.randn(1, length, width)
        for _ in range(layers):
            x = block.train()(x)
        projection(x[:, -1])
    whole = counter.get_total_flops()
    causal = layers * 4 * width * (length**2 - length * (length + 1) // 2)
    seen_in_last = 4 * width * length * (length + 1) // 2
    rest_of_last = 20 * width**2 * (length - 1) + seen_in_last - 4 * width * length
    assert text_flops(CONFIG, embed_dim, np.array([length])) == whole - causal - rest_of_last


def test_captions_add_up_and_padding_is_none() -> None:
    parts = [text_flops(CONFIG, 8, np.array([length])) for length in (3, 16, 9)]
    assert text_flops(CONFIG, 8, np.array([3, 16, 9])) == sum(parts)
    assert parts[0] < parts[2] < parts[1]


def test_a_pair_of_vit_b_32_takes_what_the_design_says() -> None:
    """9.35 GFLOP a pair at 15.5 tokens with the last blocks of both towers cut short, 10.0 with whole ones."""
    config = PRESETS["vit-b-32"].model
    forward = image_flops(config) + text_flops(config.text, config.embed_dim, np.array([15]))
    assert 9.2e9 < forward < 9.9e9
    assert StepFlops(config).of(np.array([15, 15])) == 6 * forward


@pytest.mark.parametrize("name", ["rn50", "rn-tiny", "vit-tiny"])
def test_the_other_encoders_are_counted_too(name: str) -> None:
    wanted = {"rn50": (1.0e10, 1.3e10), "rn-tiny": (1e7, 1e9), "vit-tiny": (1e7, 1e9)}[name]
    assert wanted[0] < image_flops(PRESETS[name].model) < wanted[1]


def test_a_cpu_has_no_peak() -> None:
    assert peak_flops(torch.device("cpu")) is None
    assert utilization(1e12, 2.0, None) is None
    assert utilization(1e12, 2.0, 1e12) == 0.5


@pytest.mark.parametrize(
    ("name", "tera"), [("NVIDIA H200", 989), ("NVIDIA A100-SXM4-80GB", 312), ("NVIDIA L40S", 362), ("Odd 1", None)]
)
def test_devices_are_known_by_name(monkeypatch: pytest.MonkeyPatch, name: str, tera: int | None) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: name)
    assert peak_flops(torch.device("cuda", 0)) == (None if tera is None else tera * 1e12)
