"""`pipeline filter` killed with SIGKILL at moments of its progress: the same bytes in the end."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.feature_folders import unit_rows, write_features
from tests.support.folder_bytes import folder_bytes
from tests.support.killing import killed_at, run_to_end

TWO_PROCESSES = ("--", "--direct_num_workers=2", "--direct_running_mode=multi_processing")
NUM_FILES = 40


@pytest.mark.slow
@pytest.mark.parametrize("beam_args", [(), TWO_PROCESSES], ids=["one process", "two processes"])
def test_killed_at_any_moment_it_ends_with_the_same_bytes(tmp_path: Path, beam_args: tuple[str, ...]) -> None:
    rng = np.random.default_rng(0)
    images = rng.standard_normal((200 * NUM_FILES, 64))
    images[1::2] = images[::2] + 0.1 * rng.standard_normal((100 * NUM_FILES, 64))
    features = write_features(tmp_path / "features", unit_rows(images), unit_rows(images + 1), part_rows=200)
    command = [
        sys.executable, "-m", "pipeline", "filter", "--embeddings", features, "--min-similarity", "0.3",
        "--near-duplicate-similarity", "0.95", "--output",
    ]  # fmt: skip
    run_to_end([*command, str(tmp_path / "undisturbed")])
    output, killed = tmp_path / "killed", 0
    for num_files in (0, NUM_FILES // 2, NUM_FILES, 2 * NUM_FILES, 2 * NUM_FILES + 2):
        killed += killed_at([*command, str(output), *beam_args], output, num_files, 0)
    run_to_end([*command, str(output), *beam_args])
    assert killed > 1
    assert folder_bytes(output) == folder_bytes(tmp_path / "undisturbed")
    assert not list(output.rglob(".tmp-*"))
