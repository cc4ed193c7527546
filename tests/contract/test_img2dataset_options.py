"""img2dataset's option table, mapped: none of its options lacks a row, and each of ours that a row names is there."""

import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest

from pipeline.balance.config import BalanceConfig
from pipeline.collect.config import CollectConfig
from pipeline.download.config import DownloadConfig
from pipeline.listing.config import ListedDownloadConfig

PAGE = Path(__file__).parent.parent.parent / "pipeline" / "download" / "IMG2DATASET.md"

CONFIGS = {"collect": CollectConfig, "balance": BalanceConfig, "download": ListedDownloadConfig}

ROWS = re.findall(r"^\| `(\w+)` \| (none|`(\w+) --([\w-]+)`) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)


def test_every_option_of_img2dataset_has_its_row_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_ALBUMENTATIONS_UPDATE", "1")  # its import would ask the network
    from img2dataset import download

    assert [row[0] for row in ROWS] == list(inspect.signature(download).parameters)


def test_every_option_of_ours_that_is_named_is_there() -> None:
    named = [(command, option.replace("-", "_")) for _, _, command, option, _ in ROWS if command]
    assert len(named) > 20
    for command, option in named:
        assert option in {field.name for field in fields(CONFIGS[command])}, (command, option)


@pytest.mark.parametrize(
    "name",
    ["image_size", "resize_only_if_bigger", "upscale_interpolation", "downscale_interpolation", "encode_format",
     "skip_reencode", "compute_hash", "verify_hash", "disable_all_reencoding", "min_image_size"],
)  # fmt: skip
def test_options_of_the_same_name_have_the_same_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_ALBUMENTATIONS_UPDATE", "1")
    from img2dataset import download

    theirs = inspect.signature(download).parameters[name].default
    assert getattr(DownloadConfig(selection="s", output="o"), name) == theirs
