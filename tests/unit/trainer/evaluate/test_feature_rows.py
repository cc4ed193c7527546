"""Rows in a file: what was written is read, in any ranges."""

from pathlib import Path

import torch

from trainer.evaluate.feature_rows import FeatureRows


def test_rows_come_back(tmp_path: Path) -> None:
    wanted = torch.randn(11, 3, generator=torch.Generator().manual_seed(0))
    with FeatureRows(3, str(tmp_path)) as rows:
        for part in wanted.split(4):
            rows.append(part)
            assert torch.equal(rows.read(0, 2), wanted[:2])  # reading between is allowed
        assert len(rows) == 11
        assert torch.equal(rows.read(3, 9), wanted[3:9])
        assert torch.equal(rows.read(8, 20), wanted[8:])
        assert rows.read(11, 20).shape == (0, 3)
    assert list(tmp_path.iterdir()) == []
